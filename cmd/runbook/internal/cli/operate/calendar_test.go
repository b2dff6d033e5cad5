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
	daily, err := window.Parse("daily 00:00-23:00 UTC")
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	s := &session{app: &app.App{Stopping: make(chan struct{}), Stderr: &said},
		calendar: &config.Calendar{Name: "changes", Calendar: window.Calendar{Windows: []window.Window{daily}}}}
	s.now = func() time.Time { return time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC) }
	plan, err := s.foreseen(t.Context(), nil, func(context.Context) (*simulate.Plan, string) { return &simulate.Plan{Took: 90}, "" }, "again")
	if err != nil || plan == nil || !strings.Contains(said.String(), "it takes 1m30s, and ends Fri 2026-11-27 13:01 UTC; the calendar changes closes Fri 2026-11-27 23:00 UTC") {
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

// TestWaitsOfThePlan: a run that waits for its moment needs the calendar until then,
// and after it no freeze.
func TestWaitsOfThePlan(t *testing.T) {
	daily, err := window.Parse("Fri 08:00-16:00 UTC")
	if err != nil {
		t.Fatal(err)
	}
	freeze, err := window.Freeze("2026-11-28", "2026-11-28", "UTC", "a sale")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC)
	const hour = 3600.0
	write := func(at, took float64) simulate.Planned {
		return simulate.Planned{At: at, Took: took, Op: "exec.run", Class: effect.Write, Args: []byte("{}")}
	}
	read := func(at, took float64) simulate.Planned {
		return simulate.Planned{At: at, Took: took, Op: "exec.run", Class: effect.Read, Args: []byte("{}")}
	}
	wait := func(at, took float64) simulate.Planned {
		return simulate.Planned{At: at, Took: took, Op: effect.OpSleep, Class: effect.Write, Args: []byte(`{"reason":"the window","until_":1796000000}`)}
	}
	soak := func(at, took float64) simulate.Planned {
		return simulate.Planned{At: at, Took: took, Op: effect.OpSleep, Class: effect.Write, Args: []byte(`{"duration":3600,"reason":"not until_ then"}`)}
	}
	for _, tt := range []struct {
		name    string
		made    time.Duration // before now
		effects []simulate.Planned
		want    string
	}{
		{"it waits overnight", 0, []simulate.Planned{write(0, hour), wait(hour, 40*hour), write(41*hour, hour)}, ""},
		{"it soaks overnight", 0, []simulate.Planned{write(0, hour), soak(hour, 40*hour), write(41*hour, hour)}, "in 3h, and 1d18h are needed"},
		{"it waits too late", 0, []simulate.Planned{write(0, 4*hour), wait(4*hour, 40*hour)}, "in 3h, and 4h are needed"},
		{"beside its wait it works on", 0, []simulate.Planned{wait(0, 40*hour), write(0, hour), soak(hour, 8*hour)}, "in 3h, and 9h are needed"},
		{"it goes on in a freeze", 0, []simulate.Planned{write(0, hour), wait(hour, 20*hour), write(21*hour, hour)},
			"by its plan it waits, and then goes on: it is Sat 2026-11-28 10:00 UTC, and changes are frozen until Sun 2026-11-29 00:00 UTC (a sale)"},
		{"it comes into a freeze", 0, []simulate.Planned{wait(0, 10*hour), read(10*hour, 2*hour), write(12*hour, hour)}, "are frozen from Sat 2026-11-28 00:00 UTC"},
		{"it only looks in a freeze", 0, []simulate.Planned{write(0, hour), wait(hour, 20*hour), read(21*hour, hour)}, ""},
		{"its plan is from before: the moment stays", 12 * time.Hour, []simulate.Planned{wait(0, 20*hour), write(20*hour, hour)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := &simulate.Plan{Start: now.Add(-tt.made), Effects: tt.effects}
			for _, e := range tt.effects {
				plan.Took = max(plan.Took, e.At+e.Took)
			}
			s := &session{now: func() time.Time { return now },
				calendar: &config.Calendar{Name: "changes", Calendar: window.Calendar{Windows: []window.Window{daily}, Freezes: []window.Span{freeze}}}}
			_, err := s.mayStart(plan, "")
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
