package interpreter

import (
	"context"
	"maps"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
)

// A walk knows the secrets of the run's parameters, and those that passed in an
// effect since, also in one that was answered by the journal. Whichever effect
// shows one of them later, its result is clean. A [redact.Handler] stands below
// the Recorder, so that neither journal nor script ever holds one in clear.

// learning stands above the Recorder and takes note of the secrets in every
// effect of the script.
type learning struct {
	known *redact.Known
	next  effect.Handler
}

// Do learns and hands on.
func (l learning) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	l.known.Learn(redact.Collect(call.Args)...)
	return l.next.Do(ctx, call)
}

// marking tells the script in a result that a secret was taken out of it, by
// whichever Handler below. It is for tables whose fields are declared; another
// one might be a table of names.
type marking struct{ next effect.Handler }

// Do hands the call on and marks what returns.
func (m marking) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	res, err := m.next.Do(ctx, call)
	if table, ok := res.Value.(map[string]any); ok && res.Redacted && call.Op != nil && len(call.Op.Returns) > 0 {
		table = maps.Clone(table)
		table[redact.Field] = true
		res.Value = table
	}
	return res, err
}
