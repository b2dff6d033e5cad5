package pagerduty

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/pagerduty/pagerdutytest"
	"github.com/q-ecosystem/runbook/stdlib"
)

type obj = map[string]any

var (
	onCall  = pagerdutytest.NewService(1, "on-call")
	manager = pagerdutytest.NewService(2, "manager")
)

// config is the configuration for a sink; without names what to leave out.
func config(url string, without ...string) obj {
	c := obj{"services": obj{
		"on-call": obj{"routing_key": onCall.RoutingKey, "service": onCall.ID},
		"manager": obj{"routing_key": manager.RoutingKey, "service": manager.ID},
	}, "api_token": pagerdutytest.Token, "from": pagerdutytest.User, "events": url, "api": url, "timeout": "1m"}
	for _, name := range without {
		delete(c, name)
	}
	return c
}

// backend returns a configured backend that waits for nothing.
func backend(t *testing.T, c obj) *Backend {
	t.Helper()
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Configure(t.Context(), revealed(checked)); err != nil {
		t.Fatal(err)
	}
	b.sleep = func(context.Context, time.Duration) {}
	return b
}

// revealed returns plain values for secrets, as the wire does.
func revealed(m obj) obj {
	m = maps.Clone(m)
	for k, v := range m {
		switch v := v.(type) {
		case effect.Secret:
			m[k] = v.Reveal()
		case obj:
			m[k] = revealed(v)
		}
	}
	return m
}

// invoke carries an op out as the first attempt of an effect; call names it.
func invoke(t *testing.T, b *Backend, call, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	return attempt(t, b, 1, call, op, args)
}

func attempt(t *testing.T, b *Backend, n int, call, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), plugins.Request{Op: op, Args: checked(t, op, args), Key: call, Run: "run", Place: "1", Attempt: n, Progress: func(string) {}})
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

func checked(t *testing.T, op string, args obj) obj {
	t.Helper()
	module, _ := stdlib.Contract("notify")
	for i := range module.Ops {
		if module.Ops[i].Name == op {
			out, err := module.Ops[i].Check(args)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	t.Fatalf("there is no op %s", op)
	return nil
}
