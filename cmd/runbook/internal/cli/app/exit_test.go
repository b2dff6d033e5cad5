package app

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

func TestCodeOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("no"), ExitFailed},
		{Usagef("no"), ExitUsage},
		{fmt.Errorf("look: %w", &journal.NotFoundError{Run: "ffff"}), ExitUsage},
		{&journal.AmbiguousError{Prefix: "0"}, ExitUsage},
		{&interpreter.ForkError{From: "nowhere"}, ExitUsage},
		{&journal.Error{Op: "open", Err: fmt.Errorf("it is a directory and %w", journal.ErrNoFile)}, ExitUsage},
		{&journal.Error{Op: "open", Err: journal.ErrEmpty}, ExitUsage},
		{&journal.Error{Op: "open", Reason: journal.ErrForeign}, ExitUsage},
		{&journal.Error{Op: "open", Reason: journal.ErrCorrupt}, ExitFailed},
		{fmt.Errorf("create: %w", &journal.LockedError{Name: "web"}), ExitLocked},
		{&effect.Stop{Cause: effect.Unwritable, Err: journal.ErrFull}, ExitInterrupted},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("CodeOf(%v) = %d, want %d", c.err, got, c.want)
		}
	}
}

func TestCodeOfOutcome(t *testing.T) {
	stop := func(c effect.Cause) error {
		return fmt.Errorf("a.lua:3: %w", &effect.Stop{Cause: c, Err: errors.New("why")})
	}
	for _, c := range []struct {
		out  interpreter.Outcome
		want int
	}{
		{interpreter.Outcome{Status: effect.StatusSucceeded}, ExitOK},
		{interpreter.Outcome{Status: effect.StatusFailed, Err: errors.New("no")}, ExitFailed},
		{interpreter.Outcome{Status: effect.StatusFailed, Err: stop(effect.Exhausted)}, ExitFailed},
		{interpreter.Outcome{Status: effect.StatusCanceled, Err: stop(effect.Canceled)}, ExitFailed},
		{interpreter.Outcome{Status: effect.StatusRolledBack, Err: errors.New("no")}, ExitRolledBack},
		{interpreter.Outcome{Status: effect.StatusWaiting, Err: stop(effect.Waiting)}, ExitWaiting},
		{interpreter.Outcome{Status: effect.StatusUnknown, Err: stop(effect.Parked)}, ExitUnknown},
		{interpreter.Outcome{Status: effect.StatusInterrupted, Err: stop(effect.Interrupted)}, ExitInterrupted},
		{interpreter.Outcome{Status: effect.StatusInterrupted, Err: stop(effect.Unwritable)}, ExitInterrupted}, // a full disk
		{interpreter.Outcome{Status: effect.StatusInterrupted, Err: stop(effect.LockHeld)}, ExitLocked},
		{interpreter.Outcome{Status: effect.StatusInterrupted, Err: stop(effect.Diverged)}, ExitDivergence},
	} {
		if got := CodeOfOutcome(c.out); got != c.want {
			t.Errorf("%s, %v: exit code %d, want %d", c.out.Status, c.out.Err, got, c.want)
		}
	}
}

// TestExitsAreDocumented holds what the documentation says of exit codes against
// the table, and the table against the codes there are.
func TestExitsAreDocumented(t *testing.T) {
	var words, rows []string
	known := map[int]bool{}
	for _, e := range Exits() {
		known[e.Code] = true
		words = append(words, fmt.Sprintf("%d %s", e.Code, e.Word))
		rows = append(rows, fmt.Sprintf("| %d | %s: %s |", e.Code, e.Word, e.Text))
	}
	for file, want := range map[string]string{
		"README.md":   "Exit codes: " + strings.Join(words, ", ") + ".",
		"docs/cli.md": "## Exit codes | code | meaning | |---|---| " + strings.Join(rows, " "),
	} {
		text, err := os.ReadFile("../../../../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("%s does not say what the program does:\n%s", file, want)
		}
	}
	for _, status := range []effect.Status{effect.StatusRunning, effect.StatusWaiting, effect.StatusUnknown, effect.StatusInterrupted, effect.StatusRollingBack,
		effect.StatusSucceeded, effect.StatusFailed, effect.StatusRolledBack, effect.StatusRollbackFailed, effect.StatusCanceled} {
		if code := CodeOfStatus(status); !known[code] {
			t.Errorf("%s exits %d, which is not in the table", status, code)
		}
	}
	for _, cause := range []effect.Cause{effect.Interrupted, effect.Canceled, effect.Waiting, effect.Parked, effect.Fenced, effect.Diverged,
		effect.Unwritable, effect.RollingBack, effect.EndOfRecord, effect.Exhausted, effect.LockHeld} {
		if code := codeOfStop(&effect.Stop{Cause: cause}); !known[code] {
			t.Errorf("a stop for %s exits %d, which is not in the table", cause, code)
		}
	}
	if !slices.IsSortedFunc(Exits(), func(a, b Exit) int { return a.Code - b.Code }) {
		t.Error("the table is not in order")
	}
}
