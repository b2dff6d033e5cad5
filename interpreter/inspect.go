package interpreter

import (
	"context"
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
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

// Replay walks a run's script against its journal and changes nothing. With a
// script given, that one is walked instead. The error is a *effect.Stop with a
// *replay.Divergence where they part.
func (e *Engine) Replay(ctx context.Context, id string, with *script.Source, loader script.Loader) (Walked, error) {
	opts := e.opts
	opts.Secret = nil
	reader := &Engine{opts}
	k, err := reader.prepare(ctx, id, nil)
	if err != nil {
		return Walked{}, err
	}
	if with != nil {
		k.main, k.loader = *with, loader
	}
	return k.inspect(ctx)
}

func (k *walk) inspect(ctx context.Context) (Walked, error) {
	out := Walked{Run: k.run}
	k.control = newControl(k.opts, k.history)
	k.keeper = &keeper{walk: k, hard: ctx, soft: ctx, cancel: func(error) {}}
	quiet := k.opts
	quiet.Watch = nobody{}
	k.opts = quiet
	if err := k.open(ctx, replay.Options{}); err != nil {
		return out, err
	}
	defer k.script.Close()
	err := k.script.Run(ctx)
	if s := effect.AsStop(err); s == nil {
		out.Failure = err
		if diverged := effect.AsStop(k.recorder.Finish()); diverged != nil {
			if err != nil { // the reason why nothing was asked for
				diverged = &effect.Stop{Cause: diverged.Cause, Err: fmt.Errorf("%w\nthe script had failed: %w", diverged.Err, err)}
			}
			return out, diverged
		}
		if err != nil && k.askedToRollBack() {
			s := effect.AsStop(k.askToRollBack(err))
			if s != nil && s.Cause != effect.EndOfRecord && s.Cause != effect.RollingBack {
				return out, s
			}
		}
	} else if s.Cause != effect.EndOfRecord && s.Cause != effect.RollingBack {
		return out, s
	} else {
		out.Next = k.recorder.Beyond()
	}
	if attempts := rollbackAttempts(k.history); attempts > 0 {
		if err := k.inspectRollbacks(ctx, attempts); err != nil {
			return out, err
		}
	}
	out.Replayed = k.recorder.Replayed()
	return out, nil
}

func (k *walk) inspectRollbacks(ctx context.Context, attempts int) error {
	k.recorder.BeginRollback()
	done := map[int]bool{}
	for attempt := 1; attempt <= attempts; attempt++ {
		for _, rb := range k.script.Rollbacks() {
			if done[rb.Index] {
				continue
			}
			err := k.runRollback(ctx, attempt, rb)
			if s := effect.AsStop(err); s != nil {
				if s.Cause == effect.EndOfRecord {
					return nil
				}
				return s
			}
			done[rb.Index] = err == nil
		}
	}
	return k.recorder.Finish()
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
	pins := &pinning{pinned: required, base: o.WithLoader, writer: k.writer, clock: k.opts.Clock}
	for _, name := range required.names() {
		if err := pins.pin(name, required[name]); err != nil {
			return err
		}
	}
	src := source(with)
	src.Name = k.main.Name // the run's main script, whatever the file is called
	ev := effect.Event{At: k.opts.Clock.Now().UTC(), Kind: effect.SourceChanged,
		Body: effect.Body{Text: with.Name, By: o.By}}
	if err := k.writer.AddSource(ctx, src, ev); err != nil {
		return err
	}
	k.main = script.Source{Name: src.Name, Text: with.Text}
	k.loader = pins
	return nil
}
