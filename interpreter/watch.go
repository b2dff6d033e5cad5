package interpreter

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Watcher is told what a run does, as it does it. Its methods are called from
// the run's goroutines, sometimes under locks: they return quickly and call
// nothing of the engine. One that has a method Note(line string) is also told
// what the run waits for that is no effect: a journal that somebody has locked.
type Watcher interface {
	// Recorded is told of every event, in the journal's order. Outcomes are on
	// disk then; marks and values before the next outcome need not be.
	Recorded(ev effect.Event)
	// Started is told when an effect is about to be carried out, after its
	// intent is recorded.
	Started(call effect.Call)
	// Progress is told of lines from an effect under way.
	Progress(call effect.Call, line string)
}

// nobody watches.
type nobody struct{}

func (nobody) Recorded(effect.Event)        {}
func (nobody) Started(effect.Call)          {}
func (nobody) Progress(effect.Call, string) {}

// watching tells a Watcher of the calls that pass.
type watching struct {
	watcher Watcher
	next    effect.Handler
}

// Do announces the call and hands it on.
func (w watching) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Verb == effect.VerbInvoke && call.Class != effect.Value {
		w.watcher.Started(call)
	}
	call.Progress = func(line string) { w.watcher.Progress(call, line) }
	return w.next.Do(ctx, call)
}
