package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// events reads a run's events: a line each of kind, place and word, which is the
// op, the name, the outcome or the status, whichever the kind has.
func events(t *testing.T, text string) []effect.Event {
	t.Helper()
	var list []effect.Event
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		words := append(strings.Fields(line), "", "")
		ev := effect.Event{Seq: int64(i + 1), At: time.Unix(int64(i), 0), Kind: effect.Kind(words[0])}
		if words[1] != "-" {
			ev.Place = effect.Place(words[1])
		}
		b, word := &ev.Body, words[2]
		switch ev.Kind {
		case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
			b.Op, b.Class, b.Recovery, b.Attempt = word, effect.Write, effect.Ask, 1
		case effect.EffectDone:
			b.Op, b.Class = word, effect.Read
			if word == effect.OpNow {
				b.Class = effect.Value
			}
		case effect.EffectFailed, effect.StepLeft:
			b.Name = word
			if word != "" {
				b.Error = &effect.Error{Code: effect.CodeFailed}
			}
		case effect.EffectObserved, effect.EffectResolved:
			b.Outcome = word
		case effect.StatusChanged:
			b.Status, b.By = effect.Status(word), words[3]
		default:
			b.Name = word
		}
		list = append(list, ev)
	}
	return list
}

func places(list []*history.Effect) string {
	words := make([]string, len(list))
	for i, e := range list {
		words[i] = string(e.Place)
	}
	return strings.Join(words, " ")
}

func TestEffects(t *testing.T) {
	h := history.Of(events(t, `
run.created - x
effect.done 1 t.read
effect.done 2 run.now
effect.intended 3.a.1 t.write
effect.intended 3.b.1 t.write
effect.done 3.b.1 t.write
effect.intended 3.a.1 t.write
effect.failed 3.a.1 no
timer.set 4 run.sleep
effect.intended 5 t.write
effect.observed 5 unknown
effect.intended 6 t.write
effect.resolved 6 not_applied
effect.intended 7 t.write
effect.resolved 7 applied
effect.done 7 t.write`))
	if got := places(h.Effects); got != "1 2 3.a.1 3.b.1 4 5 6 7" {
		t.Errorf("effects: %s", got)
	}
	if got := places(h.Order); got != "1 3.b.1 3.a.1 7" || h.Main != 4 {
		t.Errorf("settled, %d in the main chunk: %s", h.Main, got)
	}
	if got := places(h.Open()); got != "5" {
		t.Errorf("open: %s", got)
	}
	e := h.At("3.a.1")
	if !e.Began.Equal(time.Unix(3, 0)) || !e.Sent.Equal(time.Unix(6, 0)) || !e.Ended.Equal(time.Unix(7, 0)) || e.First != 3 || e.Last != 7 ||
		e.State != history.Closed || e.Err == nil || !e.Intended || e.Op != "t.write" || e.N != 2 {
		t.Errorf("a write sent twice: %+v", e)
	}
	if e := h.At("6"); e.State != history.Resend || e.Late {
		t.Errorf("one that was not applied: %+v", e)
	}
	if e := h.At("1"); e.Intended || e.Class != effect.Read || e.Attempt != 1 {
		t.Errorf("a read: %+v", e)
	}
	if h.At("8") != nil || !h.Began() || h.Rolling() {
		t.Errorf("the rest: %+v", h)
	}
}

func TestRollback(t *testing.T) {
	h := history.Of(events(t, `
run.created - x
rollback.registered ~1
effect.intended 1 t.write
rollback.requested - x
effect.observed 1 cut_short
effect.done 2.a.1 t.read
rollback.registered 2.a.~1
rollback.started - x
rollback.registered 2.b.~1
effect.resolved 1 applied
effect.done r1.2.1 t.read
rollback.started - x`))
	if places(h.Order) != "2.a.1 r1.2.1" || h.Main != 1 || h.Attempts != 2 || !h.RollbackAt.Equal(time.Unix(7, 0)) || h.Request != nil {
		t.Errorf("order %s, main %d, %d attempts since %v, request %v", places(h.Order), h.Main, h.Attempts, h.RollbackAt, h.Request)
	}
	if e := h.At("1"); !e.Late || !e.CutShort || e.State != history.Closed {
		t.Errorf("what was settled after the rollback: %+v", e)
	}
	if fmt.Sprint(h.Registered) != "map[:1 2.a:1]" || !h.Marks["2.b.~1"] {
		t.Errorf("registered: %v", h.Registered)
	}
}

func TestRequests(t *testing.T) {
	for text, want := range map[string]string{
		"rollback.requested - x":                                                            "running request",
		"rollback.requested - x\ncancel.requested - x":                                      "running cancel",
		"cancel.requested - x\nrollback.requested - x\nstatus.changed - canceled":           "canceled request",
		"status.changed - failed\ncancel.requested - x":                                     "failed",
		"status.changed - waiting\nstatus.changed - running ann\nrollback.requested - x":    "running request ann",
		"rollback.requested - x\nrollback.started - x\nstatus.changed - rolling_back":       "rolling_back",
		"cancel.requested - x\nstatus.changed - canceled\nstatus.changed - rolling_back bo": "rolling_back bo",
	} {
		h := history.Of(events(t, text))
		words := []string{string(h.Status)}
		if h.Request != nil {
			words = append(words, "request")
		}
		if h.Cancel != nil {
			words = append(words, "cancel")
		}
		if got := strings.Join(append(words, h.Resumers...), " "); got != want {
			t.Errorf("%q gives %s, want %s", text, got, want)
		}
	}
}

func TestQuestions(t *testing.T) {
	list := events(t, `
question.asked 1 run.approve
question.asked 2 run.approve
effect.done 1 run.approve
question.answered 2 x
question.asked q1 run.approve
rollback.requested - x
rollback.started - x
question.asked r1.1.1 run.approve`)
	for n, want := range map[int]string{2: "1 2", 3: "2", 5: "2 q1", 6: "", 8: "r1.1.1"} {
		if got := places(history.Of(list[:n]).Questions()); got != want {
			t.Errorf("after %d events the questions are %q, want %q", n, got, want)
		}
	}
	if h := history.Of(list); len(h.Answers) != 1 || h.Answers[0].Place != "2" {
		t.Errorf("answers: %v", h.Answers)
	}
}

func TestSteps(t *testing.T) {
	h := history.Of(nil)
	at := map[string]string{} // by effect
	for _, ev := range events(t, `
step.entered ~1 one
effect.done 1 t.read
step.entered 2.a.~1 two
effect.done 2.a.1 t.read
effect.done 2.b.1 t.read
step.left 2.a.~2
effect.done 2.a.2 t.read
branch.left 2.a
step.left ~2 no
effect.done 3 t.read
step.entered ~3 one
step.left ~4 no
rollback.started - x
effect.done r1.1.1 t.read`) {
		h.Add(&ev)
	}
	for _, e := range h.Effects {
		at[string(e.Place)] = strings.Join(e.Steps, "/")
	}
	if got := fmt.Sprint(at); got != "map[1:one 2.a.1:one/two 2.a.2:one 2.b.1:one 3: r1.1.1:]" {
		t.Errorf("effects stand in %s", got)
	}
	if got := h.Steps.Failed(); got != "~3" {
		t.Errorf("failed has %q", got)
	}
	if path := h.Steps.Path(); len(path) > 0 {
		t.Errorf("the run is in %v", path)
	}
	if _, in := h.Steps.Last("~5"); in {
		t.Error("the run is in a step")
	}
}

// TestChosen: a question of the function itself is not one about its failure.
func TestChosen(t *testing.T) {
	h := history.Of(events(t, `
run.created - x
rollback.started - 1
question.asked r1.1.1 run.approve
question.asked r1.2.1 run.choose`))
	if h.Chosen("r1.1") || !h.Chosen("r1.2") {
		t.Errorf("asked what becomes of a failure: %v, %v", h.Chosen("r1.1"), h.Chosen("r1.2"))
	}
}
