package plugintest_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// shelf is a well-behaved backend with a module of its own: it keeps values
// under names.
type shelf struct {
	mu     sync.Mutex
	values map[string]any
}

func (*shelf) Describe() plugins.Description {
	name := effect.Field{Name: "name", Type: effect.String, Required: true, Doc: "which one"}
	value := effect.Field{Name: "value", Type: effect.String, Doc: "what lies there"}
	return plugins.Description{Name: "shelf", Module: "shelf", Doc: "Keep values.", Ops: []effect.Op{
		{Module: "shelf", Name: "get", Doc: "Look", Class: effect.Read, Args: []effect.Field{name}, Returns: []effect.Field{value}},
		{Module: "shelf", Name: "put", Doc: "Put", Class: effect.Write, Recovery: effect.Observe,
			Args: []effect.Field{name, value}, Returns: []effect.Field{value}},
	}}
}

func (s *shelf) Configure(context.Context, map[string]any) error {
	s.values = map[string]any{}
	return nil
}

func (*shelf) Health(context.Context) error { return nil }

func (s *shelf) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeRefused, "canceled before it began")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _ := req.Args["name"].(string)
	switch req.Op {
	case "put":
		s.values[name] = req.Args["value"]
	case "get":
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "no op %s", req.Op)
	}
	return map[string]any{"value": s.values[name]}, nil
}

func (s *shelf) Observe(_ context.Context, req plugins.Request) (plugins.Observation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _ := req.Args["name"].(string)
	if s.values[name] != req.Args["value"] {
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	return plugins.Observation{State: effect.Applied}, nil
}

// forgetful says that it put something, and did not.
type forgetful struct{ shelf }

func (f *forgetful) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if req.Op == "put" {
		return map[string]any{"value": req.Args["value"]}, nil
	}
	return f.shelf.Invoke(ctx, req)
}

// babbler returns what it never declared, and plain errors.
type babbler struct{ shelf }

func (b *babbler) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if req.Op == "no_such_op" {
		return nil, os.ErrInvalid
	}
	v, err := b.shelf.Invoke(ctx, req)
	if m, ok := v.(map[string]any); ok {
		m = maps.Clone(m)
		m["weather"] = "fine"
		return m, err
	}
	return v, err
}

// sleeper does not listen to its context.
type sleeper struct{ shelf }

func (s *sleeper) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if ctx.Err() != nil && req.Op == "put" {
		select {}
	}
	return s.shelf.Invoke(ctx, req)
}

func cases() plugintest.Cases {
	return plugintest.Cases{
		Reads:  []plugins.Request{{Op: "get", Args: map[string]any{"name": "a"}}},
		Writes: []plugins.Request{{Op: "put", Args: map[string]any{"name": "a", "value": "apple"}}},
	}
}

func TestGoodBackendPasses(t *testing.T) {
	plugintest.Run(t, func(*testing.T) plugins.Backend { return &shelf{} }, cases())
}

// TestBadBackends runs this binary again, because a suite that fails would
// fail this test with it.
func TestBadBackends(t *testing.T) {
	const env = "RUNBOOK_TEST_BACKEND"
	bad := map[string]struct {
		backend func() plugins.Backend
		cases   plugintest.Cases
		want    []string
	}{
		"forgetful": {func() plugins.Backend { return &forgetful{} }, cases(), []string{`Observe right after Invoke says "not_applied"`}},
		"babbler": {func() plugins.Backend { return &babbler{} }, cases(), []string{"does not fit its declaration: weather",
			"an unknown op, asked directly"}},
		"sleeper":  {func() plugins.Backend { return &sleeper{} }, cases(), []string{"after its context ended"}},
		"no cases": {func() plugins.Backend { return &shelf{} }, plugintest.Cases{}, []string{"no request for shelf.put"}},
	}
	if name := os.Getenv(env); name != "" {
		plugintest.Run(t, func(*testing.T) plugins.Backend { return bad[name].backend() }, bad[name].cases)
		return
	}
	for name, test := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestBadBackends$")
			cmd.Env = append(os.Environ(), env+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Error("the suite passes")
			}
			for _, want := range test.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("the suite does not say %q:\n%s", want, out)
				}
			}
		})
	}
}
