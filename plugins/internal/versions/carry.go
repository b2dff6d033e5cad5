package versions

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// Invoke carries out an op of the module secrets.
func (s *Store) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "%s was canceled before it began; nothing changed", req.Op)
	}
	name, version, value := str(req.Args["name"]), str(req.Args["version"]), str(req.Args["value"])
	var out map[string]any
	var e *effect.Error
	switch req.Op {
	case "get":
		out, e = s.Get(name, version)
	case "rotate":
		length, _ := req.Args["length"].(float64)
		out, e = s.Rotate(name, value, int(length), req.Key)
	case "revoke":
		out, e = s.Revoke(name, version)
	default:
		e = effect.Errorf(effect.CodeUnsupported, "there is no op called %q here", req.Op).WithHint("there are get, rotate and revoke")
	}
	if e != nil {
		return nil, e
	}
	return out, nil
}

// Observe looks whether an effect made its version.
func (s *Store) Observe(_ context.Context, req plugins.Request) (plugins.Observation, error) {
	if req.Op != "rotate" {
		return plugins.Observation{State: effect.Uncertain}, nil
	}
	done, e := s.Made(str(req.Args["name"]), req.Key)
	switch {
	case e != nil:
		return plugins.Observation{}, e
	case done == nil:
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	return plugins.Observation{State: effect.Applied, Value: done}, nil
}

func str(v any) string {
	s, _ := v.(string)
	return s
}
