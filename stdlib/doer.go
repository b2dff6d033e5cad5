package stdlib

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// doer performs effects on behalf of a composite.
type doer struct {
	ctx context.Context
	p   effect.Performer
}

// now returns the run's time in seconds since 1970.
func (d doer) now() (float64, error) {
	v, err := d.p.Perform(d.ctx, effect.OpNow, nil)
	at, _ := v.(float64)
	return at, err
}

// sleep waits; the reason is shown meanwhile.
func (d doer) sleep(seconds float64, reason string) error {
	args := map[string]any{"duration": seconds}
	if reason != "" {
		args["reason"] = reason
	}
	_, err := d.p.Perform(d.ctx, effect.OpSleep, args)
	return err
}

// table performs an op and returns what it returned, never a nil map.
func (d doer) table(op string, args map[string]any) (map[string]any, error) {
	v, err := d.p.Perform(d.ctx, op, args)
	if err != nil {
		return nil, err
	}
	t, _ := v.(map[string]any)
	if t == nil {
		t = map[string]any{}
	}
	return t, nil
}

// final reports whether an error ends a composite that would otherwise try
// again: the script stops, or another try cannot come out differently.
func final(err error) bool {
	if effect.AsStop(err) != nil {
		return true
	}
	switch effect.AsError(err).Code {
	case effect.CodeInvalid, effect.CodeUnsupported, effect.CodeInternal:
		return true
	}
	return false
}

// pick returns the named arguments that are there.
func pick(args map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	for _, n := range names {
		if v, ok := args[n]; ok {
			out[n] = v
		}
	}
	return out
}

// list returns the strings of a list.
func list(v any) []string {
	l, _ := v.([]any)
	out := make([]string, 0, len(l))
	for _, e := range l {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
