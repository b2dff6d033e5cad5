package interpreter_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// swift is a clock on which every wait is over at once.
type swift struct{ passed atomic.Int64 }

func (s *swift) Now() time.Time { return time.Now().Add(time.Duration(s.passed.Load())) }

func (s *swift) Wait(ctx context.Context, until time.Time) error {
	s.passed.Add(int64(until.Sub(s.Now())))
	return ctx.Err()
}

const patches = preamble + `
step("prepare", function()
  on_rollback(function() ledger.put_observe { item = "undone" } end)
  ledger.put_observe { item = "prepared" }
end)
window { calendar = "patches", outside = "wait" }
ledger.put_observe { item = "patched" }`

// absent is a calendar that cannot be looked at.
func absent(retryable bool) error {
	return &effect.Error{Code: effect.CodeUnavailable, Message: "runbook.yaml:3: it ends too early", Retryable: retryable}
}

// TestACalendarThatCannotBeRead: it stops the run, which takes nothing back and goes
// on once the calendar can be read.
func TestACalendarThatCannotBeRead(t *testing.T) {
	r := newRig(t)
	r.opts.Clock = &swift{}
	var looks int
	broken := true
	r.opts.Calendars = func(string) (window.Calendar, error) {
		looks++
		if broken {
			return window.Calendar{}, absent(true)
		}
		return window.Calendar{}, nil // open always
	}
	out := r.begin(r.engine(), patient(t), patches, nil)
	r.ends(out, effect.StatusInterrupted)
	if text := out.Err.Error(); looks < 2 || !strings.Contains(text, "window: runbook.yaml:3: it ends too early") || !strings.Contains(text, "mend the configuration, and resume") {
		t.Errorf("after %d looks: %s", looks, text)
	}
	if slices.ContainsFunc(r.events(out.Run), func(ev effect.Event) bool { return ev.Body.Op == effect.OpCalendar }) {
		t.Error("what could not be looked at is recorded")
	}
	broken = false
	r.ends(r.resume(r.engine(), out.Run), effect.StatusSucceeded)
	r.book.must(t).audit(t, []string{"prepared", "patched"}, 0)
}

// TestACalendarThatIsBeingSaved is looked at again, by what time it is then.
func TestACalendarThatIsBeingSaved(t *testing.T) {
	r := newRig(t)
	clock := &swift{}
	r.opts.Clock = clock
	closes := clock.Now().Truncate(time.Second).Add(time.Second)
	first, err := window.Between(closes.Add(-time.Hour), closes, "UTC", "closes as it is saved")
	if err != nil {
		t.Fatal(err)
	}
	next, err := window.Between(closes.Add(time.Hour), closes.Add(2*time.Hour), "UTC", "the next one")
	if err != nil {
		t.Fatal(err)
	}
	looks := 0
	r.opts.Calendars = func(string) (window.Calendar, error) {
		if looks++; looks == 1 {
			return window.Calendar{}, absent(true)
		}
		return window.Calendar{Events: []window.Rule{window.Once(first), window.Once(next)}}, nil
	}
	r.ends(r.begin(r.engine(), patient(t), patches, nil), effect.StatusSucceeded)
	if late := clock.Now(); late.Before(closes.Add(time.Hour)) {
		t.Errorf("it went on at %s, in a window that closed at %s", late, closes)
	}
	r.book.must(t).audit(t, []string{"prepared", "patched"}, 0)
}

// TestACalendarThatIsLackingInARollback keeps nothing else from being taken back.
func TestACalendarThatIsLackingInARollback(t *testing.T) {
	r := newRig(t)
	r.opts.Clock = &swift{}
	r.opts.Calendars = func(string) (window.Calendar, error) { return window.Calendar{}, absent(true) }
	out := r.begin(r.engine(), patient(t), preamble+`
on_rollback(function() ledger.put_observe { item = "undone" } end)
on_rollback(function() window { calendar = "patches" } end)
fail "ill"`, nil)
	r.ends(out, effect.StatusRollbackFailed)
	r.book.must(t).audit(t, []string{"undone"}, 0)
}

// TestACalendarThatNobodyWillMend is an error for the script.
func TestACalendarThatNobodyWillMend(t *testing.T) {
	r := newRig(t)
	r.opts.Clock = &swift{}
	r.opts.Calendars = func(string) (window.Calendar, error) { return window.Calendar{}, absent(false) }
	out := r.begin(r.engine(), patient(t), patches, nil)
	if out.Status == effect.StatusInterrupted || !strings.Contains(out.Err.Error(), "it ends too early") {
		t.Errorf("%s: %v", out.Status, out.Err)
	}
}
