package simulate

import (
	"context"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// ReadOnly is the Handler between a rehearsal and real systems. It lets reads
// and predictions pass; anything else is a fault of the program and stops the
// rehearsal.
type ReadOnly struct {
	catalog *effect.Catalog
	next    effect.Handler
}

// NewReadOnly returns a ReadOnly before next. What is a read is said by the
// catalog's declarations, not by the call.
func NewReadOnly(catalog *effect.Catalog, next effect.Handler) *ReadOnly {
	return &ReadOnly{catalog, next}
}

// Do passes the call, or stops.
func (r *ReadOnly) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Verb == effect.VerbPreview {
		return r.next.Do(ctx, call)
	}
	op, ok := r.catalog.Op(call.Op.String())
	// An op whose class the caller states is no read here: its word is not
	// enough to touch a real system in a dry run.
	if ok && call.Verb == effect.VerbInvoke && op.Class == effect.Read && call.Class == effect.Read {
		call.Op = op
		return r.next.Do(ctx, call)
	}
	return effect.Result{}, &effect.Stop{Cause: effect.Interrupted, Err: fmt.Errorf(
		"%s at %s was kept from a real system: a dry run sends nothing but reads; this is a fault of runbook: please report it", call.Op, call.Where)}
}
