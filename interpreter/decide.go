package interpreter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

const (
	answerApproved = "approved"
	answerDenied   = "denied"
)

// ErrAlready says that the same word was given before; nothing has changed.
var ErrAlready = errors.New("that was said before")

// Answer is a person's word on a question.
type Answer struct {
	Run    string
	Place  string // which question, if the run has several open
	By     string
	Deny   bool
	Reason string
}

// Questions returns a run's open questions, oldest first. Once a rollback has
// started, nobody waits for an answer to those before it.
func Questions(events []effect.Event) ([]Question, error) {
	var list []Question
	for _, ev := range events {
		switch ev.Kind {
		case effect.QuestionAsked:
			v, err := effect.Decode(ev.Body.Args)
			if err != nil {
				return nil, fmt.Errorf("read question %s: %w", ev.Place, err)
			}
			args, _ := v.(map[string]any)
			list = append(list, questionOf(ev.Place, args, ev.At))
		case effect.EffectDone, effect.EffectFailed:
			list = slices.DeleteFunc(list, func(q Question) bool { return q.Place == ev.Place })
		case effect.RollbackStarted:
			list = slices.DeleteFunc(list, func(q Question) bool { return !strings.HasPrefix(q.Place, "r") })
		}
	}
	return list, nil
}

// Answer records a person's word. It returns the question, and ErrAlready if
// the same person said the same before.
func (e *Engine) Answer(ctx context.Context, a Answer) (Question, error) {
	var q Question
	outcome := answerApproved
	if a.Deny {
		outcome = answerDenied
	}
	run, err := e.opts.DB.Find(ctx, a.Run)
	if err != nil {
		return q, err
	}
	events, err := e.opts.DB.Events(ctx, run.ID, 0)
	if err != nil {
		return q, err
	}
	if q, err = pick(run, events, a.Place); err != nil {
		return q, err
	}
	if run.Status.Terminal() {
		return q, &Ended{run.ID, run.Status}
	}
	now := e.opts.Clock.Now().UTC()
	ev := effect.Event{At: now, Kind: effect.QuestionAnswered, Place: q.Place,
		Body: effect.Body{By: a.By, Outcome: outcome, Reason: a.Reason}}
	_, err = e.opts.DB.Post(ctx, run.ID, ev, func(events []effect.Event) error {
		if _, err := pick(run, events, q.Place); err != nil {
			return err
		}
		if len(q.By) > 0 && !slices.Contains(q.By, a.By) {
			return fmt.Errorf("%s may not answer %q: it asks %s", a.By, q.Title, strings.Join(q.By, ", "))
		}
		// By the clock as it is now: a runner that looks after this sees the answer.
		if !e.opts.Clock.Now().Before(q.Deadline) {
			return fmt.Errorf("the question %q expired at %s", q.Title, q.Deadline.Local().Format("2006-01-02 15:04:05"))
		}
		var given []effect.Event
		for _, old := range events {
			if old.Kind != effect.QuestionAnswered || old.Place != q.Place {
				continue
			}
			given = append(given, old)
			if old.Body.By != a.By {
				continue
			}
			if old.Body.Outcome == outcome {
				return ErrAlready
			}
			return fmt.Errorf("%s has %s %q before, at %s; an answer stands", a.By, old.Body.Outcome, q.Title, old.At.Local().Format("15:04:05"))
		}
		if decided, _, no := q.decide(given, now); decided {
			last := given[len(given)-1].Body.By // who decided it, for nobody answers after that
			if no != nil {
				return fmt.Errorf("%s has denied %q before; an answer stands", last, q.Title)
			}
			return fmt.Errorf("%q is approved already, by %s last; an answer stands", q.Title, last)
		}
		return nil
	})
	return q, err
}

// pick finds the one open question that is meant.
func pick(run journal.Run, events []effect.Event, place string) (Question, error) {
	questions, err := Questions(events)
	if err != nil {
		return Question{}, err
	}
	var places []string
	for _, q := range questions {
		if q.Place == place || place == "" && len(questions) == 1 {
			return q, nil
		}
		places = append(places, fmt.Sprintf("%s (%s)", q.Place, q.Title))
	}
	switch {
	case len(questions) == 0:
		return Question{}, fmt.Errorf("run %s asks nothing: it is %s", run.ID, run.Status)
	case place == "":
		return Question{}, fmt.Errorf("run %s asks several things; say which with --question: %s", run.ID, strings.Join(places, ", "))
	}
	return Question{}, fmt.Errorf("run %s has no open question %s; open: %s", run.ID, place, strings.Join(places, ", "))
}

// Resolution is an operator's word on an unknown outcome.
type Resolution struct {
	Run     string
	Place   string // which effect, if several are unknown
	Outcome replay.Outcome
	Value   json.RawMessage // what the script is to see, for applied; may be empty
	By      string
	Reason  string // required
}

// Resolve records an operator's word on an effect whose outcome is unknown.
func (e *Engine) Resolve(ctx context.Context, r Resolution) (replay.Open, error) {
	if strings.TrimSpace(r.Reason) == "" {
		return replay.Open{}, errors.New("a resolution needs a reason: say how you know")
	}
	if r.Outcome != replay.OutcomeApplied && len(r.Value) > 0 {
		return replay.Open{}, fmt.Errorf("a value goes with %s only", replay.OutcomeApplied)
	}
	var chosen replay.Open
	err := e.exclusively(ctx, r.Run, func(run journal.Run, w *journal.Writer) error {
		events, err := e.opts.DB.Events(ctx, run.ID, 0)
		if err != nil {
			return err
		}
		if chosen, err = pickOpen(run, events, r.Place); err != nil {
			return err
		}
		body := effect.Body{Op: chosen.Op, Where: chosen.Where, Outcome: string(r.Outcome), By: r.By, Reason: r.Reason, Value: r.Value}
		switch r.Outcome {
		case replay.OutcomeApplied:
			if len(body.Value) == 0 {
				body.Value = json.RawMessage("{}")
			} else if _, err := effect.Decode(body.Value); err != nil {
				return fmt.Errorf("the value is not JSON: %w", err)
			}
		case replay.OutcomeFailed:
			body.Error = &effect.Error{Code: effect.CodeFailed, Op: chosen.Op, Where: chosen.Where,
				Message: fmt.Sprintf("%s says that it failed: %s", r.By, r.Reason)}
		}
		_, err = w.Append(ctx, effect.Event{At: e.opts.Clock.Now().UTC(), Kind: effect.EffectResolved, Place: chosen.Place, Body: body})
		return err
	})
	return chosen, err
}

func pickOpen(run journal.Run, events []effect.Event, place string) (replay.Open, error) {
	opens := replay.Opens(events)
	var places []string
	for _, o := range opens {
		if o.Place == place || place == "" && len(opens) == 1 {
			return o, nil
		}
		places = append(places, fmt.Sprintf("%s (%s at %s)", o.Place, o.Op, o.Where))
	}
	switch {
	case len(opens) == 0 && run.Status == effect.StatusUnknown:
		return replay.Open{}, fmt.Errorf("run %s has no effect with an unknown outcome any more: all are resolved, and it can be resumed", run.ID)
	case len(opens) == 0:
		return replay.Open{}, fmt.Errorf("run %s has no effect with an unknown outcome: it is %s", run.ID, run.Status)
	case place == "":
		return replay.Open{}, fmt.Errorf("run %s has several unknown outcomes; say which with --effect: %s", run.ID, strings.Join(places, ", "))
	}
	return replay.Open{}, fmt.Errorf("the outcome of effect %s of run %s is not unknown; unknown: %s", place, run.ID, strings.Join(places, ", "))
}

// Cancel ends a run without a rollback. A runner that carries it at the moment
// is told, and ends it after the effects under way; live says so.
func (e *Engine) Cancel(ctx context.Context, id, by, reason string) (live bool, err error) {
	ev := effect.Event{At: e.opts.Clock.Now().UTC(), Kind: effect.CancelRequested, Body: effect.Body{By: by, Reason: reason}}
	var status effect.Status
	err = e.exclusively(ctx, id, func(run journal.Run, w *journal.Writer) error {
		if status = run.Status; status.Terminal() {
			return &Ended{run.ID, status}
		}
		return w.SetStatus(ctx, effect.StatusCanceled, ev, effect.Event{At: ev.At, Kind: effect.StatusChanged,
			Body: effect.Body{Status: effect.StatusCanceled, By: by, Reason: reason}})
	})
	var held *journal.HeldError
	if !errors.As(err, &held) {
		return false, err
	}
	_, err = e.opts.DB.Post(ctx, id, ev, nil)
	return true, err
}

// RequestRollback asks for a rollback; a Resume carries it out, unless a
// runner carries the run at the moment: live says so.
func (e *Engine) RequestRollback(ctx context.Context, id, by, reason string) (live bool, err error) {
	run, err := e.opts.DB.Find(ctx, id)
	if err != nil {
		return false, err
	}
	if run.Status == effect.StatusRolledBack {
		return false, fmt.Errorf("run %s was rolled back at %s; there is nothing left to roll back", run.ID, run.Updated.Local().Format("2006-01-02 15:04:05"))
	}
	ev := effect.Event{At: e.opts.Clock.Now().UTC(), Kind: effect.RollbackRequested, Body: effect.Body{By: by, Reason: reason}}
	_, err = e.opts.DB.Post(ctx, run.ID, ev, func(events []effect.Event) error {
		if rollbackPending(events) || run.Status == effect.StatusRollingBack {
			return ErrAlready
		}
		for _, ev := range events {
			if ev.Kind == effect.RollbackRegistered {
				return nil
			}
		}
		return fmt.Errorf("run %s has registered no rollback: it never came to an on_rollback", run.ID)
	})
	return e.held(run), err
}

// held reports whether a living runner holds the run.
func (e *Engine) held(run journal.Run) bool {
	return run.Holder != nil && !run.Holder.Gone(e.opts.Owner, e.opts.Clock.Now())
}

// exclusively runs f while this process holds the run.
func (e *Engine) exclusively(ctx context.Context, id string, f func(journal.Run, *journal.Writer) error) error {
	w, err := e.opts.DB.Acquire(ctx, id, e.opts.Owner)
	if err != nil {
		return err
	}
	run, err := e.opts.DB.Find(ctx, id)
	if err == nil {
		err = f(run, w)
	}
	return errors.Join(err, w.Close(context.WithoutCancel(ctx)))
}
