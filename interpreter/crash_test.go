package interpreter_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// sample thins a sweep out under -short: every fifth point.
func sample() int { return stride(1, 5) }

// stride is how far apart the boundaries are that a sweep looks at: as it says, or
// with -short; with RUNBOOK_SWEEP=all there is none between them.
func stride(usual, short int) int {
	switch {
	case os.Getenv("RUNBOOK_SWEEP") == "all":
		return 1
	case testing.Short():
		return short
	}
	return usual
}

// everyItems are the items that every.lua wants applied.
func everyItems(fail bool) []string {
	items := []string{"r1", "o1", "a1", "f1", "b1", "b2", "c1", "c2", "d1", "d2", "order"}
	if fail {
		items = append(items, "undo r1", "undo a1", "undo x", "undo y")
	}
	return items
}

// TestKillAtEveryBoundary kills the runner before and after every append, and
// inside and after every other transaction, and lets another go on. Outcomes
// wait for what follows as long as they may, or not at all.
func TestKillAtEveryBoundary(t *testing.T) {
	for _, test := range []struct {
		name   string
		fail   bool
		hold   time.Duration
		status effect.Status
		stride int
	}{
		{"success", false, time.Hour, effect.StatusSucceeded, sample()},
		{"rollback", true, time.Hour, effect.StatusRolledBack, sample()},
		{"rollback, each outcome at once", true, -1, effect.StatusRolledBack, stride(3, 5)},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJob(t, "every.lua", "names.lua")
			j.Params, j.Hold = map[string]any{"fail": test.fail}, test.hold
			calm := j.must(t)
			if calm.Status != test.status {
				t.Fatalf("undisturbed, the run is %s: %s", calm.Status, calm.Err)
			}
			_, events := j.history(t)
			want := tell(t, events)
			j.book().must(t).audit(t, everyItems(test.fail), 0)
			killed := 0
			t.Run("at", func(t *testing.T) {
				for at := 1; at <= len(calm.Points); at += test.stride {
					t.Run(fmt.Sprintf("%03d %s", at, calm.Points[at-1]), func(t *testing.T) {
						t.Parallel()
						j := newJob(t, "every.lua", "names.lua")
						j.Params, j.Hold = map[string]any{"fail": test.fail}, test.hold
						killAndResume(t, j, at, test.status, want)
					})
					killed++
				}
			})
			t.Logf("the runner was killed at %d of %d boundaries", killed, len(calm.Points))
		})
	}
}

func killAndResume(t *testing.T, j job, at int, status effect.Status, want story) {
	j.At, j.How = at, "kill"
	if r, killed := j.start(t).wait(); !killed {
		// The branches' schedule may make a run a point or two shorter.
		t.Logf("the runner ended before that: %d points", len(r.Points))
	}
	r := j.again(t).must(t)
	if r.Status != status {
		t.Errorf("the run is %s: %s", r.Status, r.Err)
	}
	run, events := j.history(t)
	if run.Status != status || run.Holder != nil {
		t.Errorf("the journal says %s, held by %v", run.Status, run.Holder)
	}
	j.book().must(t).audit(t, everyItems(j.Params["fail"] == true), 1)
	got := tell(t, events)
	got.compare(t, want)
	checkSchedule(t, got, events)
}

// checkSchedule verifies that the variable which the branches share came out
// as the journal's order of outcomes has it.
func checkSchedule(t testing.TB, s story, events []effect.Event) {
	t.Helper()
	for _, ev := range events {
		if text := string(ev.Body.Args); ev.Kind == effect.EffectIntended && strings.Contains(text, `"item":"order"`) {
			if want := `"note":"m-` + s.schedule(t) + `"`; !strings.Contains(text, want) {
				t.Errorf("the branches left %s; by the order of outcomes it is %s", text, want)
			}
			return
		}
	}
	t.Error("the journal has no effect that shows what the branches left")
}
