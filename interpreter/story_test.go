package interpreter_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// story is a journal without what differs between two good runs: times,
// attempts, keys, status rows, and how an outcome came to be known.
type story struct {
	effects map[effect.Place]string // by place: op, arguments, outcome
	marks   map[effect.Place]string // by place
	order   []string                // places of outcomes, as they settled
}

// tell folds a journal. Faults that no good journal has fail the test.
func tell(t testing.TB, events []effect.Event) story {
	t.Helper()
	s := story{effects: map[effect.Place]string{}, marks: map[effect.Place]string{}}
	calls := map[effect.Place]string{}
	closed := map[effect.Place]bool{}
	for i, ev := range events {
		if ev.Seq != int64(i+1) {
			t.Errorf("event %d has the number %d", i+1, ev.Seq)
		}
		b := ev.Body
		switch ev.Kind {
		case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked, effect.EffectDone, effect.EffectFailed:
			call := b.Op + " " + blur(string(b.Args))
			if len(b.Args) == 0 {
				call = calls[ev.Place] // an outcome does not repeat what its intent said
			}
			if first, ok := calls[ev.Place]; ok && first != call {
				t.Errorf("effect %s is recorded as %s and as %s", ev.Place, first, call)
			}
			calls[ev.Place] = call
		case effect.StepEntered, effect.StepLeft, effect.BranchLeft, effect.CheckpointReached, effect.RollbackRegistered:
			if _, twice := s.marks[ev.Place]; twice {
				t.Errorf("the mark %s (%s) is recorded twice", ev.Place, ev.Kind)
			}
			s.marks[ev.Place] = string(ev.Kind) + " " + b.Name
			continue
		}
		end := ""
		switch {
		case ev.Kind == effect.EffectDone, b.Outcome == "applied" || b.Outcome == "forgone":
			end = "done " + settledValue(b)
		case ev.Kind == effect.EffectFailed:
			end = "failed " + string(b.Error.Code) + " " + b.Error.Message
		default:
			continue
		}
		if closed[ev.Place] {
			t.Errorf("effect %s has two outcomes", ev.Place)
		}
		closed[ev.Place] = true
		s.effects[ev.Place] = calls[ev.Place] + " → " + end
		s.order = append(s.order, string(ev.Place))
	}
	for place := range calls {
		if !closed[place] {
			s.effects[place] = calls[place] + " → open"
		}
	}
	return s
}

var random = regexp.MustCompile(`n-[0-9]+-[0-9.e+]+|m-[bcd]*`)

// blur takes out of arguments what was drawn at random: numbers, and the order
// of branches.
func blur(args string) string { return random.ReplaceAllString(args, "*") }

// settledValue is the value of an outcome, unless another run may well have
// another: what was said may be lost, and what is read depends on the others.
func settledValue(b effect.Body) string {
	switch b.Op {
	case "ledger.say", "ledger.look", effect.OpNow, effect.OpRandom:
		return "*"
	}
	return string(b.Value)
}

func (s story) String() string {
	var lines []string
	for place, text := range s.effects {
		lines = append(lines, string(place)+": "+text)
	}
	for place, text := range s.marks {
		lines = append(lines, string(place)+": "+text)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// compare shows where two stories part.
func (s story) compare(t testing.TB, want story) {
	t.Helper()
	got, wanted := strings.Split(s.String(), "\n"), strings.Split(want.String(), "\n")
	for _, line := range got {
		if !slices.Contains(wanted, line) {
			t.Errorf("the journal says   %s", line)
		}
	}
	for _, line := range wanted {
		if !slices.Contains(got, line) {
			t.Errorf("the journal has not %s", line)
		}
	}
}

// history reads the newest run of a journal, which has to be whole.
func (j job) history(t testing.TB) (journal.Run, []effect.Event) {
	t.Helper()
	ctx := context.Background()
	db, err := journal.Open(ctx, j.db(), journal.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	run, err := db.Find(ctx, "latest")
	if err != nil {
		t.Fatal(err)
	}
	events, err := db.Events(ctx, run.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, db)
	return run, events
}

// whole verifies a journal's chains and digests.
func whole(t testing.TB, db *journal.DB) {
	t.Helper()
	r, err := db.Verify(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Faults {
		t.Errorf("the journal is damaged: %s", f)
	}
}

// schedule derives from the journal's order of outcomes how the branches of
// every.lua wrote into their shared variable: each outcome lets one branch go
// on to its next letter.
func (s story) schedule(t testing.TB) string {
	t.Helper()
	var letters strings.Builder
	for _, place := range s.order {
		var at, n int
		var branch rune
		if _, err := fmt.Sscanf(place, "%d.%c.%d", &at, &branch, &n); err == nil && strings.ContainsRune("bcd", branch) && !strings.HasPrefix(place, "r") {
			letters.WriteRune(branch)
		}
	}
	return letters.String()
}
