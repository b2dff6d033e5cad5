package interpreter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Fork says where a new run parts from an old one.
type Fork struct {
	Run  string
	From string // the name of a step or checkpoint, or its place ("~12")
	By   string
	// Environment, if set, is pinned by the new run instead of the old one's.
	Environment []byte
	// Emergency, if set, holds the arguments of the approve that the new run begins
	// with, whatever was agreed to for the old one.
	Emergency map[string]any
	// Ready is called with the new run's id when it is on disk.
	Ready func(id string)
}

// Fork starts a new run whose past is an old run's journal up to a step
// (before it) or a checkpoint (after it). What follows is done again. The old
// run stays as it was and names its successor.
func (e *Engine) Fork(ctx context.Context, f Fork) (Outcome, error) {
	old, err := e.opts.DB.Find(ctx, f.Run)
	if err != nil {
		return Outcome{}, err
	}
	if e.held(old) {
		return Outcome{}, fmt.Errorf("run %s is being carried out by %s: stop it first", old.ID, old.Holder)
	}
	events, past, err := e.until(ctx, old.ID, f.From)
	if err != nil {
		return Outcome{}, err
	}
	sources, err := e.opts.DB.Sources(ctx, old.ID)
	if err != nil {
		return Outcome{}, err
	}
	if f.Emergency != nil {
		asked, err := pinnedEmergency(f.Emergency)
		if err != nil {
			return Outcome{}, err
		}
		sources = append(slices.DeleteFunc(sources, func(s journal.Source) bool { return s.Name == EmergencySource }), asked...)
		past = slices.DeleteFunc(past, func(ev effect.Event) bool { return ev.Place == emergencyQuestion })
	}
	now := e.opts.Clock.Now().UTC()
	id, w, err := e.create(ctx, journal.NewRun{
		Name: old.Name, Script: old.Script, Env: old.Env, By: f.By, Parent: old.ID, Params: old.Params,
		Sources: withEnvironment(sources, f.Environment), History: past,
		Created: effect.Event{At: now, Kind: effect.RunCreated, Body: effect.Body{Text: old.Script, Run: old.ID, Origin: history.Origin(old.ID, events)}},
		Forked:  effect.Event{At: now, Kind: effect.Forked, Body: effect.Body{By: f.By, Name: f.From}},
	})
	if err != nil {
		return Outcome{}, err
	}
	if f.Ready != nil {
		f.Ready(id)
	}
	k, err := e.prepare(ctx, id, w)
	if err != nil {
		return Outcome{}, errors.Join(err, w.Close(context.WithoutCancel(ctx)))
	}
	return k.carry(ctx)
}

// PastOf returns what a fork of a run from a place would begin with, for whoever
// wants to know what comes of it: its first event, now, and its past. The error may be
// a *ForkError.
func (e *Engine) PastOf(ctx context.Context, run, from string) ([]effect.Event, error) {
	events, past, err := e.until(ctx, run, from)
	if err != nil {
		return nil, err
	}
	began := effect.Event{At: e.opts.Clock.Now().UTC(), Kind: effect.RunCreated,
		Body: effect.Body{Text: events[0].Body.Text, Run: run, Origin: history.Origin(run, events)}}
	return append([]effect.Event{began}, past...), nil
}

// until returns the events of a run, and those of them that a fork from a place has
// as its past.
func (e *Engine) until(ctx context.Context, run, from string) (events, past []effect.Event, err error) {
	if events, err = e.opts.DB.Events(ctx, run, 0); err != nil {
		return nil, nil, err
	}
	if past, err = pastUntil(events, from); err != nil {
		return nil, nil, &ForkError{run, from, err.Error()}
	}
	return events, past, nil
}

// ForkError refuses the place from which a run was to be forked.
type ForkError struct {
	Run  string
	From string // as it was asked for
	Why  string
}

// Error says what the run has instead.
func (e *ForkError) Error() string { return fmt.Sprintf("fork run %s: %s", e.Run, e.Why) }

// pastUntil returns the effects and marks before a step, or up to a
// checkpoint.
func pastUntil(events []effect.Event, from string) ([]effect.Event, error) {
	cut := -1
	var names, places []string
	for i, ev := range events {
		if ev.Kind != effect.StepEntered && ev.Kind != effect.CheckpointReached {
			continue
		}
		names = append(names, ev.Body.Name)
		if ev.Body.Name != from && string(ev.Place) != from {
			continue
		}
		places = append(places, string(ev.Place))
		cut = i
		if ev.Kind == effect.CheckpointReached {
			cut++
		}
	}
	switch {
	case cut < 0 && len(names) == 0:
		return nil, errors.New("it has no steps and no checkpoints to fork from")
	case cut < 0:
		text := fmt.Sprintf("it has no step or checkpoint %q; it has: %s", from, strings.Join(names, ", "))
		if hint := effect.DidYouMean(from, names); hint != "" {
			text += "; " + hint
		}
		return nil, errors.New(text)
	case len(places) > 1:
		return nil, fmt.Errorf("it came to %q several times; say which by its place: --from %s", from, strings.Join(places, ", --from "))
	}
	var past []effect.Event
	for _, ev := range events[1:cut] {
		switch ev.Kind {
		case effect.StatusChanged, effect.RollbackRequested, effect.CancelRequested, effect.Forked, effect.SourceChanged:
		case effect.RollbackStarted:
			return nil, fmt.Errorf("%q stands in a rollback", from)
		default:
			past = append(past, ev)
		}
	}
	if opens := history.Of(past).Open(); len(opens) > 0 {
		return nil, fmt.Errorf("%s at %s was under way at %q: fork from an earlier place", opens[0].Op, opens[0].Where, from)
	}
	return past, nil
}
