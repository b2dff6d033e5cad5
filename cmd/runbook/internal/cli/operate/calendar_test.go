package operate

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// TestInterruptedInTheDryRunBeforeTheStart: whoever interrupts the dry run that a
// start makes has started nothing, and does not wait for it.
func TestInterruptedInTheDryRunBeforeTheStart(t *testing.T) {
	daily, err := window.Parse("daily 00:00-24:00 UTC")
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	s := &session{app: &app.App{Stopping: make(chan struct{}), Stderr: &said},
		calendar: &config.Calendar{Name: "changes", Calendar: window.Calendar{Windows: []window.Window{daily}}}}
	s.now = func() time.Time { return time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC) }
	plan, err := s.foreseen(t.Context(), nil, func(context.Context) (*simulate.Plan, string) { return &simulate.Plan{Took: 90}, "" }, "again")
	if err != nil || plan == nil || !strings.Contains(said.String(), "it takes 1m30s, and ends Fri 2026-11-27 13:01 UTC; the calendar changes closes Sat 2026-11-28 00:00 UTC") {
		t.Fatalf("%v, %v: %s", plan, err, &said)
	}
	plan, err = s.foreseen(t.Context(), nil, func(ctx context.Context) (*simulate.Plan, string) {
		close(s.app.Stopping) // the first Ctrl-C
		<-ctx.Done()
		return nil, "it was cut short"
	}, "again")
	if stop := effect.AsStop(err); plan != nil || stop == nil || stop.Cause != effect.Interrupted || app.CodeOf(err) != app.ExitInterrupted || !strings.Contains(err.Error(), "nothing was started") {
		t.Errorf("%v, %v", plan, err)
	}
}

// TestTheDryRunBeforeTheStartTakesTime: a run is held against the calendar as it is
// once the dry run is over, whatever came of that.
func TestTheDryRunBeforeTheStartTakesTime(t *testing.T) {
	daily, err := window.Parse("daily 12:00-14:00 UTC")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, from string
		plan       *simulate.Plan
		said, want string // want: the refusal, or none
	}{
		{"it is told", "13:58:30", &simulate.Plan{Took: 60}, "ends Fri 2026-11-27 14:01 UTC", "it is Fri 2026-11-27 14:00 UTC, outside of every window"},
		{"it ends too late", "13:57:00", &simulate.Plan{Took: 90}, "ends Fri 2026-11-27 14:00 UTC", "closes Fri 2026-11-27 14:00 UTC, in 1m15s, and 1m30s are needed"},
		{"it fails", "13:58:30", nil, "when it will end is not known", "outside of every window"},
		{"it fails in time", "13:55:00", nil, "when it will end is not known", ""},
		{"there is time", "13:55:00", &simulate.Plan{Took: 60}, "ends Fri 2026-11-27 13:57 UTC", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, err := time.Parse(time.DateTime, "2026-11-27 "+tt.from)
			if err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			s := &session{app: &app.App{Stopping: make(chan struct{}), Stderr: &said}, now: func() time.Time { return now },
				calendar: &config.Calendar{Name: "changes", Calendar: window.Calendar{Windows: []window.Window{daily}}}}
			plan, err := s.foreseen(t.Context(), nil, func(context.Context) (*simulate.Plan, string) {
				now = now.Add(105 * time.Second)
				return tt.plan, "it failed"
			}, "again")
			if err != nil || !strings.Contains(said.String(), tt.said) {
				t.Fatalf("%v: %s", err, &said)
			}
			if _, err := s.mayStart(plan, ""); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
