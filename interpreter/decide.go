package interpreter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
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
	Place  effect.Place // which question, if the run has several open
	By     string
	Via    string   // how it is known that it is them, where the configuration names people
	Roles  []string // that they have
	Deny   bool
	Reason string
	// Of, if set, is the beginning of the digest of what the person has looked at:
	// one of those in Subject.
	Of string
	// Item is the number of a checklist's item, from 1, and Outcome what is said of
	// it; Evidence may be named with it.
	Item     int
	Outcome  string
	Evidence *Evidence
	// Choice is what is chosen, where a choice is asked for.
	Choice string
}

// body is the answer as it is recorded.
func (a *Answer) body(q *Question, user, subject string) (effect.Body, error) {
	b := effect.Body{By: a.By, User: user, Via: a.Via, Roles: a.Roles, Outcome: answerApproved, Reason: a.Reason}
	if a.Item == 0 {
		b.Hash = subject
	}
	switch {
	case a.Choice != "":
		b.Outcome = a.Choice
	case a.Item > 0:
		b.Outcome, b.Name, b.Text = a.Outcome, strconv.Itoa(a.Item), q.Items[a.Item-1].Text
	case a.Deny:
		b.Outcome = answerDenied
	}
	if a.Evidence == nil {
		return b, nil
	}
	var err error
	b.Hash = a.Evidence.SHA256
	b.Value, err = effect.Encode(a.Evidence.value(), nil)
	return b, err
}

// Questions returns a run's open questions, oldest first.
func Questions(h *history.History) ([]Question, error) {
	var list []Question
	for _, e := range h.Questions() {
		q, err := ReadQuestion(e.Place, e.Args, e.Began)
		if err != nil {
			return nil, err
		}
		list = append(list, q)
	}
	return list, nil
}

// ReadQuestion returns the question that an approve with these arguments asks.
func ReadQuestion(place effect.Place, args json.RawMessage, asked time.Time) (Question, error) {
	v, err := effect.Decode(args)
	if err != nil {
		return Question{}, fmt.Errorf("read question %s: %w", place, err)
	}
	named, _ := v.(map[string]any)
	return questionOf(place, named, asked), nil
}

// QuestionOf returns the question that a call of approve asks.
func QuestionOf(call effect.Call) Question { return questionOf(call.Place, call.Args, call.Began) }

// Takes reports whether a person's answer counts, given from an account, in a
// run that these starters, as user@host, have started or resumed. Without an
// account it is the person's own.
func (q *Question) Takes(who effect.Identity, account string, people effect.People, starters []string) bool {
	asked := *q
	asked.among(people, startersOf(starters))
	return asked.refuses(&effect.Body{By: who.Name, Roles: who.Roles, User: account}) == ""
}

// Answered reports whether the answers that a run has are enough to decide the
// question.
func (q *Question) Answered(h *history.History) bool {
	decided, _, _ := q.decide(h.Answers, q.Asked)
	return decided
}

// Answer records a person's word. It returns the question, and ErrAlready if
// the same person said the same before.
func (e *Engine) Answer(ctx context.Context, a Answer) (Question, error) {
	var q Question
	if fault := effect.PersonFault(a.By); fault != "" {
		return q, fmt.Errorf("nobody answers as %q: the name %s", a.By, fault)
	}
	run, err := e.opts.DB.Find(ctx, a.Run)
	if err != nil {
		return q, err
	}
	verified, err := e.opts.DB.Verified(ctx, run.ID)
	if err != nil {
		return q, err
	}
	run = verified.Run()
	if q, err = pick(run, history.Of(verified.Events()), a.Place); err != nil {
		return q, err
	}
	if run.Status.Terminal() {
		return q, &Ended{run.ID, run.Status}
	}
	if why := q.fits(&a); why != "" {
		return q, errors.New(why)
	}
	sources, err := e.opts.DB.Sources(ctx, run.ID)
	if err != nil {
		return q, err
	}
	subject := SubjectOf(run, sources)
	if err := subject.is(a.Of); err != nil {
		return q, err
	}
	body, err := a.body(&q, e.user(), subject.All)
	if err != nil {
		return q, fmt.Errorf("record the evidence: %w", err)
	}
	people, err := e.people(PinnedEnvironment(sources))
	if err != nil {
		return q, err
	}
	now := e.opts.Clock.Now().UTC()
	if !people.Vouch(&body, now) {
		return q, fmt.Errorf("nothing in the configuration of run %s shows that it is %s who answers", run.ID, a.By)
	}
	ev := effect.Event{At: now, Kind: effect.QuestionAnswered, Place: q.Place, Body: body}
	_, err = e.opts.DB.Send(ctx, run.ID, ev, func(events []effect.Event) error {
		if replacements(events) != replacements(verified.Events()) {
			return fmt.Errorf("somebody has just replaced the script or the configuration of run %s: look at what it is now (`runbook show`), and answer again", run.ID)
		}
		h := history.Of(events)
		if q, err = pick(run, h, q.Place); err != nil { // as it is verified now
			return err
		}
		q.among(people, startersOf(append(h.Resumers, run.By)))
		if why := q.refuses(&ev.Body); why != "" {
			return fmt.Errorf("%s may not answer %q: %s", a.By, q.Title, why)
		}
		// By the clock as it is now: a runner that looks after this sees the answer.
		if !e.opts.Clock.Now().Before(q.Deadline) {
			return fmt.Errorf("the question %q expired at %s", q.Title, q.Deadline.Local().Format("2006-01-02 15:04:05"))
		}
		var given []effect.Event
		for _, old := range h.Answers {
			if old.Place != q.Place || !people.Vouch(&old.Body, old.At) {
				continue
			}
			given = append(given, old)
			if effect.Person(old.Body.By) != effect.Person(a.By) || a.Item > 0 || a.Choice != "" {
				continue
			}
			if old.Body.Outcome == body.Outcome {
				return ErrAlready
			}
			return fmt.Errorf("%s has %s %q before, at %s; an answer stands", a.By, old.Body.Outcome, q.Title, old.At.Local().Format("15:04:05"))
		}
		if a.Item > 0 || a.Choice != "" {
			if err := q.again(&a, &body, given); err != nil {
				return err
			}
		}
		if decided, _, no := q.decide(given, now); decided {
			last := given[len(given)-1].Body.By // who decided it, for nobody answers after that
			switch {
			case no != nil && a.Item > 0:
				return fmt.Errorf("%w; an answer stands", no)
			case no != nil:
				return fmt.Errorf("%s has denied %q before; an answer stands", last, q.Title)
			}
			return fmt.Errorf("%q is approved already, by %s last; an answer stands", q.Title, last)
		}
		return nil
	})
	return q, err
}

// replacements counts how often somebody has replaced what a run goes by.
func replacements(events []effect.Event) (n int) {
	for i := range events {
		if history.Replaces(&events[i]) {
			n++
		}
	}
	return n
}

// user is the account of the operating system that answers.
func (e *Engine) user() string {
	if e.opts.Account != "" {
		return e.opts.Account
	}
	if o := e.opts.Owner; o.User != "" {
		return o.User + "@" + o.Host
	}
	return ""
}

// pick finds the one open question that is meant.
func pick(run journal.Run, h *history.History, place effect.Place) (Question, error) {
	questions, err := Questions(h)
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
		return Question{}, fmt.Errorf("run %s asks nothing: it is %s", run.ID, inWords(run.Status))
	case place == "":
		return Question{}, fmt.Errorf("run %s asks several things; say which with --question: %s", run.ID, strings.Join(places, ", "))
	}
	return Question{}, fmt.Errorf("run %s has no open question %s; open: %s", run.ID, place, strings.Join(places, ", "))
}

// Resolution is an operator's word on an unknown outcome.
type Resolution struct {
	Run     string
	Place   effect.Place // which effect, if several are unknown
	Outcome history.Outcome
	Value   json.RawMessage // what the script is to see, for applied; may be empty
	By      string
	Reason  string // required
}

// Resolve records an operator's word on an effect whose outcome is unknown.
func (e *Engine) Resolve(ctx context.Context, r Resolution) (*history.Effect, error) {
	if strings.TrimSpace(r.Reason) == "" {
		return nil, errors.New("a resolution needs a reason: say how you know")
	}
	if r.Outcome != history.OutcomeApplied && len(r.Value) > 0 {
		return nil, fmt.Errorf("a value goes with %s only", history.OutcomeApplied)
	}
	var chosen *history.Effect
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
		case history.OutcomeApplied:
			if len(body.Value) == 0 {
				body.Value = json.RawMessage("{}")
			} else if _, err := effect.Decode(body.Value); err != nil {
				return fmt.Errorf("the value is not JSON: %w", err)
			}
		case history.OutcomeFailed:
			body.Error = &effect.Error{Code: effect.CodeFailed, Op: chosen.Op, Where: chosen.Where,
				Message: fmt.Sprintf("%s says that it failed: %s", r.By, r.Reason)}
		}
		_, err = w.Append(ctx, effect.Event{At: e.opts.Clock.Now().UTC(), Kind: effect.EffectResolved, Place: chosen.Place, Body: body})
		return err
	})
	return chosen, err
}

func pickOpen(run journal.Run, events []effect.Event, place effect.Place) (*history.Effect, error) {
	opens := history.Of(events).Open()
	var places []string
	for _, o := range opens {
		if o.Place == place || place == "" && len(opens) == 1 {
			return o, nil
		}
		places = append(places, fmt.Sprintf("%s (%s at %s)", o.Place, o.Op, o.Where))
	}
	switch {
	case len(opens) == 0 && run.Status == effect.StatusUnknown:
		return nil, fmt.Errorf("run %s has no effect with an unknown outcome any more: all are resolved, and it can be resumed", run.ID)
	case len(opens) == 0:
		return nil, fmt.Errorf("run %s has no effect with an unknown outcome: it is %s", run.ID, inWords(run.Status))
	case place == "":
		return nil, fmt.Errorf("run %s has several unknown outcomes; say which with --effect: %s", run.ID, strings.Join(places, ", "))
	}
	return nil, fmt.Errorf("the outcome of effect %s of run %s is not unknown; unknown: %s", place, run.ID, strings.Join(places, ", "))
}
