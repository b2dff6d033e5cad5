package interpreter

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// Walked is what a read-only replay found.
type Walked struct {
	Run      journal.Run
	Replayed int // effects that the script and the journal agree on
	// Next is where the record ends and the script would go on; nil if the
	// script ended.
	Next *effect.Call
	// Failure is the script's own failure, replayed.
	Failure error
}

// Recorded returns the walk of a run as it stands in the journal, read-only:
// secrets are as their digests, and nobody watches.
func (e *Engine) Recorded(ctx context.Context, id string) (Walk, error) {
	opts := e.opts
	opts.Secret, opts.Watch = nil, nobody{}
	k, err := (&Engine{opts}).prepare(ctx, id, nil)
	if err != nil {
		return Walk{}, err
	}
	return k.Walk, nil
}

// Replay walks a run's script against its journal and changes nothing. With a
// script given, that one is walked instead. The error is a *effect.Stop with a
// *replay.Divergence where they part.
func (e *Engine) Replay(ctx context.Context, id string, with *script.Source, loader script.Loader) (Walked, error) {
	w, err := e.Recorded(ctx, id)
	if err != nil {
		return Walked{}, err
	}
	k := newWalk(w)
	if with != nil {
		k.Main, k.Loader = *with, loader
	}
	// What was asked for and nobody heard is no part of what the run did.
	k.History = slices.DeleteFunc(k.History, func(ev effect.Event) bool { return ev.Kind == effect.CancelRequested })
	end, err := k.carry(ctx)
	if err != nil {
		return Walked{}, err
	}
	out := Walked{Run: k.Run, Replayed: end.Replayed, Failure: k.failure}
	if k.script == nil {
		return out, end.Err
	}
	out.Next = k.recorder.Beyond()
	if s := effect.AsStop(end.Err); s != nil && s.Cause != effect.EndOfRecord {
		return out, s
	}
	return out, nil
}

// agrees verifies that an edited script goes with everything recorded.
func (e *Engine) agrees(ctx context.Context, run journal.Run, o ResumeOptions) error {
	walked, err := e.Replay(ctx, run.ID, o.With, o.WithLoader)
	if err != nil {
		return fmt.Errorf("resume run %s with %s: %w", run.ID, o.With.Name, err)
	}
	if walked.Failure != nil && effect.AsStop(walked.Failure) == nil && walked.Next == nil {
		var scriptErr *script.Error
		if errors.As(walked.Failure, &scriptErr) {
			return fmt.Errorf("resume run %s with %s: the edited script fails before it comes to anything new: %w", run.ID, o.With.Name, walked.Failure)
		}
	}
	return nil
}

// replaceSource pins an edited script, and what it requires, in place of what
// is recorded. The script comes last: a runner that is killed in between leaves
// the old one, which either goes with the new files or diverges.
func (k *walk) replaceSource(ctx context.Context, with script.Source, o ResumeOptions) error {
	required := requiredBy(with, o.WithLoader)
	pins := &pinning{pinned: required, base: o.WithLoader, ledger: k.ledger, clock: k.Stack.Clock}
	for _, name := range required.names() {
		if err := pins.pin(name, required[name]); err != nil {
			return err
		}
	}
	src := source(with)
	src.Name = k.Main.Name // the run's main script, whatever the file is called
	ev := effect.Event{At: k.Stack.Clock.Now().UTC(), Kind: effect.SourceChanged,
		Body: effect.Body{Text: with.Name, By: o.By}}
	if err := k.ledger.AddSource(ctx, src, ev); err != nil {
		return err
	}
	k.Main = script.Source{Name: src.Name, Text: with.Text}
	k.Loader = pins
	return nil
}
