package interpreter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestKillWhereBranchesFail kills the runner at each boundary of a run whose
// branches are stopped by the failure of others. Whatever was done is done once
// and taken back, and the record replays.
func TestKillWhereBranchesFail(t *testing.T) {
	for _, hold := range []time.Duration{time.Hour, -1} {
		t.Run(fmt.Sprintf("hold=%v", hold), func(t *testing.T) {
			j := newJob(t, "failfast.lua")
			j.Hold = hold
			calm := j.must(t)
			j.failedFast(t, 0)
			t.Run("at", func(t *testing.T) {
				for at := 1; at <= len(calm.Points); at += stride(3, 15) {
					t.Run(fmt.Sprintf("%03d %s", at, calm.Points[at-1]), func(t *testing.T) {
						t.Parallel()
						j := newJob(t, "failfast.lua")
						j.Hold, j.At, j.How = hold, at, "kill"
						j.start(t).wait()
						if r := j.again(t).must(t); r.Status != effect.StatusRolledBack {
							t.Errorf("the resume: %s", r.Err)
						}
						j.failedFast(t, 1)
					})
				}
			})
		})
	}
}

// TestRollbackToldWhereBranchesFail asks for a rollback at a boundary, and kills
// the runner at a later one.
func TestRollbackToldWhereBranchesFail(t *testing.T) {
	j := newJob(t, "failfast.lua")
	j.Hold = -1
	points := len(j.must(t).Points)
	every := stride(7, 13)
	for ask := 1; ask < points; ask += every {
		t.Run(fmt.Sprintf("asked at %03d", ask), func(t *testing.T) {
			t.Parallel()
			told := newJob(t, "failfast.lua")
			told.Hold, told.Ask = -1, ask
			at := told.must(t).Points
			told.takenBackAll(t, 0)
			for kill := ask + 1; kill <= len(at); kill += every {
				j := newJob(t, "failfast.lua")
				j.Hold, j.Ask, j.At, j.How = -1, ask, kill, "kill"
				j.start(t).wait()
				if r := j.again(t).must(t); r.Status != effect.StatusRolledBack && r.Status != effect.StatusCanceled {
					t.Errorf("killed at %d: the run is %s: %s", kill, r.Status, r.Err)
				}
				j.takenBackAll(t, 1)
			}
		})
	}
}

// takenBackAll verifies that all that the newest run has done is undone, once.
func (j job) takenBackAll(t *testing.T, kills int) {
	t.Helper()
	r := openRig(t, j.Dir)
	if _, err := r.engine().Replay(t.Context(), r.run().ID, nil, nil); err != nil {
		t.Errorf("the replay: %v", err)
	}
	var wanted []string
	book := r.book.must(t)
	for item := range book.pick(applied, "").items() {
		if !strings.HasPrefix(item, "undo ") {
			wanted = append(wanted, item, "undo "+item)
		}
	}
	book.audit(t, wanted, kills)
}

// failedFast holds the newest run of failfast.lua against what it may have done.
func (j job) failedFast(t *testing.T, kills int) {
	t.Helper()
	r := openRig(t, j.Dir)
	run := r.run()
	if run.Status != effect.StatusRolledBack {
		t.Fatalf("the run is %s", run.Status)
	}
	if _, err := r.engine().Replay(t.Context(), run.ID, nil, nil); err != nil {
		t.Errorf("the replay: %v", err)
	}
	// What was under way when a branch failed is finished; nothing follows it.
	wanted := []string{"a1", "b1", "y1", "after", "k", "l", "m", "n", "order", "p1", "q1", "r1"}
	book := r.book.must(t)
	done := book.pick(applied, "").items()
	for _, branch := range []string{"q", "r"} {
		for i := 2; i <= 4 && done[fmt.Sprint(branch, i)] > 0; i++ {
			wanted = append(wanted, fmt.Sprint(branch, i))
		}
	}
	for _, item := range slices.Clone(wanted) {
		wanted = append(wanted, "undo "+item)
	}
	book.audit(t, wanted, kills)
	stopped := map[effect.Place]bool{}
	for _, ev := range r.events(run.ID) {
		if ev.Kind == effect.BranchLeft && ev.Body.Outcome == "stopped" {
			stopped[ev.Place] = true
		}
	}
	for _, place := range []effect.Place{"1.b", "1.c", "1.c.1.x", "1.c.1.y", "1.d"} {
		if !stopped[place] {
			t.Errorf("branch %s was not stopped", place)
		}
	}
	if e := book.pick(applied, "after"); len(e) == 1 && !strings.Contains(e[0].Args, `a fails (3 other branches were stopped)`) {
		t.Errorf("the failure is %s", e[0].Args)
	}
}
