package recordset

import (
	"context"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// Observe implements plugins.Observer: it asks the keeper what the set holds.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	if req.Op == "records" {
		return plugins.Observation{State: effect.Uncertain}, nil
	}
	c, err := b.change(ctx, req)
	if err != nil {
		return plugins.Observation{}, err
	}
	seen, e := c.observe(req.Op)
	if e == nil && seen.State == effect.NotApplied {
		select {
		case <-time.After(b.service.Settle):
		case <-ctx.Done():
		}
		seen, e = c.observe(req.Op)
	}
	if e != nil {
		return plugins.Observation{}, e
	}
	return seen, nil
}

func (c *change) observe(op string) (plugins.Observation, *effect.Error) {
	now, e := c.look(false)
	if e != nil {
		return plugins.Observation{}, e
	}
	applied := func(value map[string]any) plugins.Observation {
		return plugins.Observation{State: effect.Applied, Value: value}
	}
	holds := map[string]any{"values": list(now.Values), "ttl": float64(now.TTL)}
	ttl, bound := c.args["ttl"].(float64)
	rightTTL := !bound || float64(now.TTL) == ttl
	switch op {
	case "set":
		if same(now.Values, c.values("values")) && rightTTL {
			return applied(holds), nil // what it held before, nobody knows any more
		}
	case "replace":
		from, to := c.values("from"), c.values("to")
		if same(now.Values, to) && rightTTL {
			holds["previous"] = list(from)
			return applied(holds), nil
		}
		if !same(now.Values, from) { // it may have been ours, and then another's
			return plugins.Observation{State: effect.Uncertain}, nil
		}
	case "delete":
		if len(now.Values) == 0 {
			value := map[string]any{}
			if from, given := c.sets["values"]; given {
				value["previous"] = list(from)
			}
			return applied(value), nil
		}
		if from, given := c.sets["values"]; given && !same(now.Values, from) {
			return plugins.Observation{State: effect.Uncertain}, nil
		}
	}
	return plugins.Observation{State: effect.NotApplied}, nil
}
