// Package composite holds what the standard composites have in common: loops
// of effects that a resume carries on inside.
package composite

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Doer performs effects on behalf of a composite.
type Doer struct {
	ctx context.Context
	p   effect.Performer
}

// For returns a Doer for one run of a composite.
func For(ctx context.Context, p effect.Performer) Doer { return Doer{ctx, p} }

// Now returns the run's time in seconds since 1970.
func (d Doer) Now() (float64, error) {
	v, err := d.p.Perform(d.ctx, effect.OpNow, nil)
	at, _ := v.(float64)
	return at, err
}

// Sleep waits; the reason is shown meanwhile.
func (d Doer) Sleep(seconds float64, reason string) error {
	args := map[string]any{"duration": seconds}
	if reason != "" {
		args["reason"] = reason
	}
	_, err := d.p.Perform(d.ctx, effect.OpSleep, args)
	return err
}

// Table performs an op and returns what it returned, never a nil map.
func (d Doer) Table(op string, args map[string]any) (map[string]any, error) {
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

// Final reports whether an error ends a composite that would otherwise try
// again: the script stops, or another try cannot come out differently.
func Final(err error) bool {
	if effect.AsStop(err) != nil {
		return true
	}
	switch effect.AsError(err).Code {
	case effect.CodeInvalid, effect.CodeUnsupported, effect.CodeInternal:
		return true
	}
	return false
}
