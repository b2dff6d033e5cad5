package interpreter_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// dying is a journal that can be written no more from an append on: what a
// crash leaves, for engines that share a process with the test.
type dying struct {
	interpreter.Journal
	prefix string // counts appends whose last event is at such a place
	left   *atomic.Int64
	dead   *bool
}

// dyingIn lets the n-th append below a place fail, and all after it. Outcomes
// do not wait for what follows them, so that it is known which are recorded.
func dyingIn(prefix string, n int, dead *bool) func(*interpreter.Options) {
	left := &atomic.Int64{}
	left.Store(int64(n))
	return func(o *interpreter.Options) {
		o.Hold = -1
		o.Wrap = func(j interpreter.Journal) interpreter.Journal { return dying{j, prefix, left, dead} }
	}
}

// Append appends until the journal has died.
func (d dying) Append(ctx context.Context, events ...effect.Event) ([]effect.Event, error) {
	last := events[len(events)-1]
	if d.left.Load() <= 0 || strings.HasPrefix(string(last.Place), d.prefix) && d.left.Add(-1) <= 0 {
		*d.dead = true
		return nil, errors.New("the disk is gone")
	}
	return d.Journal.Append(ctx, events...)
}
