package interpreter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// TestRollbackToldAtEveryBoundary asks for a rollback at a boundary of a run, and
// kills the runner at one after it; another goes on. What was done is taken back,
// once, in reverse order. Every fourth boundary is asked at, and each is killed at
// after some: all pairs, which take an hour, are for RUNBOOK_SWEEP=all.
func TestRollbackToldAtEveryBoundary(t *testing.T) {
	for _, fail := range []bool{false, true} {
		t.Run(fmt.Sprintf("fail=%v", fail), func(t *testing.T) {
			j := newJob(t, "rollback.lua")
			j.Params, j.Hold = map[string]any{"fail": fail}, -1
			points := len(j.must(t).Points)
			askEvery, killEvery := stride(4, 9), stride(9, 11)
			killed := 0
			t.Run("at", func(t *testing.T) {
				for ask := 1; ask <= points; ask += askEvery {
					told := newJob(t, "rollback.lua")
					told.Params, told.Hold, told.Ask = j.Params, j.Hold, ask
					at := told.must(t).Points
					told.rolledBack(t, 0)
					for kill := ask + 1 + ask%killEvery; kill <= len(at); kill += killEvery {
						killed++
						t.Run(fmt.Sprintf("%03d %s, killed %03d %s", ask, at[min(ask, len(at))-1], kill, at[kill-1]), func(t *testing.T) {
							t.Parallel()
							j := newJob(t, "rollback.lua")
							j.Params, j.Hold, j.Ask = told.Params, told.Hold, ask
							j.At, j.How = kill, "kill"
							j.start(t).wait()
							j.again(t).must(t)
							j.rolledBack(t, 1)
						})
					}
				}
			})
			t.Logf("the runner was killed at %d boundaries", killed)
		})
	}
}

// rolledBack verifies that the newest run of the job is rolled back: it asks for
// that if nobody has yet.
func (j job) rolledBack(t *testing.T, kills int) {
	t.Helper()
	r := openRig(t, j.Dir)
	if r.run().Status == effect.StatusCanceled && len(r.book.must(t).pick(applied, "")) == 0 {
		return // nothing had been registered, because nothing had been done
	}
	if r.run().Status != effect.StatusRolledBack {
		if live, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "operator"}); live || err != nil && !strings.Contains(err.Error(), interpreter.ErrAlready.Error()) {
			t.Fatalf("rollback: live %v, %v", live, err)
		}
		for range kills + 1 { // a write whose outcome is unknown
			if j.again(t).must(t).Status == effect.StatusRolledBack {
				break
			}
		}
	}
	if run := r.run(); run.Status != effect.StatusRolledBack || run.Holder != nil {
		t.Fatalf("the journal says %s, held by %v", run.Status, run.Holder)
	}
	events := r.events(r.run().ID)
	if open := history.Of(events).Open(); len(open) > 0 {
		t.Errorf("nobody knows what became of %+v", open)
	}
	if _, err := r.engine().Replay(t.Context(), r.run().ID, nil, nil); err != nil {
		t.Errorf("the replay: %v", err)
	}
	takenBack(t, r.book.must(t), events, kills)
}

// takenBack holds a book of rollback.lua against what it registers.
func takenBack(t *testing.T, book entries, events []effect.Event, kills int) {
	t.Helper()
	var done, undone []string // in the order in which they were applied
	for _, e := range book.pick(applied, "") {
		if item, undo := strings.CutPrefix(e.Item, "undo "); undo {
			undone = append(undone, item)
		} else {
			done = append(done, e.Item)
		}
	}
	wanted := slices.Clone(done)
	for _, item := range done {
		wanted = append(wanted, "undo "+item)
	}
	for _, early := range []string{"m2", "y1"} { // registered before, and not applied
		if slices.Contains(undone, early) && !slices.Contains(done, early) {
			wanted = append(wanted, "undo "+early)
		}
	}
	book.audit(t, wanted, kills)
	for i, later := range undone {
		for _, sooner := range undone[i+1:] {
			if inOrder(later, sooner) && !inOrder(sooner, later) {
				t.Errorf("%s was taken back before %s, which came after it: %v", later, sooner, undone)
			}
		}
	}
	registered, ran := 0, 0
	for _, ev := range events {
		switch {
		case ev.Kind == effect.RollbackRegistered:
			registered++
		case ev.Kind == effect.BranchLeft && ev.Place.InRollback():
			ran++
		}
	}
	if registered != len(undone) || ran != registered {
		t.Errorf("registered are %d rollbacks, %d ran to their end, %d were applied", registered, ran, len(undone))
	}
}

// inOrder reports whether rollback.lua does a before b, or may.
func inOrder(a, b string) bool {
	rank := map[byte]int{'x': 3, 'y': 3, 'm': 0}
	at := func(item string) int {
		if item == "m4" {
			return 9
		}
		return rank[item[0]]
	}
	if at(a) != at(b) {
		return at(a) < at(b)
	}
	return a[0] != b[0] || a < b
}
