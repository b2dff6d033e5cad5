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
	now := time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC)
	plan, err := s.foreseen(t.Context(), now, nil, func(context.Context) (*simulate.Plan, string) { return &simulate.Plan{Took: 90}, "" }, "again")
	if err != nil || plan == nil || !strings.Contains(said.String(), "it takes 1m30s, and ends Fri 2026-11-27 13:01 UTC; the calendar changes closes Sat 2026-11-28 00:00 UTC") {
		t.Fatalf("%v, %v: %s", plan, err, &said)
	}
	plan, err = s.foreseen(t.Context(), now, nil, func(ctx context.Context) (*simulate.Plan, string) {
		close(s.app.Stopping) // the first Ctrl-C
		<-ctx.Done()
		return nil, "it was cut short"
	}, "again")
	if stop := effect.AsStop(err); plan != nil || stop == nil || stop.Cause != effect.Interrupted || app.CodeOf(err) != app.ExitInterrupted || !strings.Contains(err.Error(), "nothing was started") {
		t.Errorf("%v, %v", plan, err)
	}
}
