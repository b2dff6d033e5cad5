package interpreter_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/mattn/go-sqlite3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestTwoResumes lets two processes resume one run at the same instant.
func TestTwoResumes(t *testing.T) {
	for range 5 {
		j := newJob(t, "every.lua", "names.lua")
		j.At, j.How = 30, "kill"
		if _, killed := j.start(t).wait(); !killed {
			t.Fatal("the runner was not killed")
		}
		next := j.again(t)
		next.Barrier = string(j.book()) + ".barrier"
		first, second := next.start(t), next.start(t)
		for _, p := range []*process{first, second} {
			eventually(t, "the runner is ready", func() bool { return strings.Contains(p.said(), "ready") })
		}
		book(next.Barrier).openGate(t, "open")
		winner, loser := first, second
		r, _ := winner.wait()
		lost, _ := loser.wait()
		if r.Held != nil || r.Ended {
			winner, r, lost = loser, lost, r
		}
		if r.Status != effect.StatusSucceeded {
			t.Errorf("the one that goes on ends %s: %s", r.Status, r.Err)
		}
		switch {
		case lost.Held != nil:
			if who := fmt.Sprintf("(process %d)", winner.cmd.Process.Pid); !strings.Contains(lost.Err, who) {
				t.Errorf("the refusal does not name %s: %s", who, lost.Err)
			}
		case !lost.Ended: // it came so late that the run had ended
			t.Errorf("both went on: %+v", lost)
		}
		j.book().must(t).audit(t, everyItems(false), 1)
		_, events := j.history(t)
		checkSchedule(t, tell(t, events), events)
	}
}

// TestStalledRunner stops a runner at a boundary, lets its lease run out and
// another runner take the run over, and wakes the first.
func TestStalledRunner(t *testing.T) {
	calm := newJob(t, "every.lua", "names.lua")
	calm.Params = map[string]any{"fail": true}
	points := calm.must(t).Points
	_, events := calm.history(t)
	want := tell(t, events)
	stalled := 0
	t.Run("at", func(t *testing.T) {
		for at, point := range points {
			if !stallable(point) || at%stride(2, 5) != 0 {
				continue
			}
			stalled++
			t.Run(fmt.Sprintf("%03d %s", at+1, point), func(t *testing.T) {
				t.Parallel()
				stall(t, point, want)
			})
		}
	})
	t.Logf("the runner was stopped at %d of %d boundaries", stalled, len(points))
}

// stallable tells the points at which a stalled runner can be overtaken.
// Inside a transaction it stalls every other writer as well. Among branches,
// another branch may be sending a request at the instant: one that passed the
// look at the lease, and leaves when the runner wakes.
func stallable(point string) bool {
	return point != "inside a transaction" && !strings.Contains(point, " 12.") && !strings.Contains(point, " r1.2.1.") &&
		point != "after status.changed rolled_back"
}

func stall(t *testing.T, point string, want story) {
	j, first := stopAt(t, point)
	if err := os.WriteFile(j.skipped(), []byte("20s"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := j.again(t).must(t)
	if r.Status != effect.StatusRolledBack {
		t.Errorf("the run that was taken over is %s: %s", r.Status, r.Err)
	}
	before := len(j.book().must(t))
	_, events := j.history(t)

	j.book().openGate(t, "awake")
	first.signal(syscall.SIGCONT)
	late, killed := first.wait()
	if killed || late.Cause != effect.Fenced {
		t.Errorf("the runner that woke up ended with cause %q, status %s: %s", late.Cause, late.Status, late.Err)
	}
	if list := j.book().must(t); len(list) != before {
		t.Errorf("the runner that woke up sent %+v", list[before:])
	}
	_, after := j.history(t)
	if len(after) != len(events) {
		t.Errorf("the runner that woke up wrote %+v", after[len(events):])
	}
	j.book().must(t).audit(t, everyItems(true), 1)
	got := tell(t, events)
	got.compare(t, want)
	checkSchedule(t, got, events)
}

// stopAt starts a runner that stops at a boundary, by its name: what shares a
// commit differs from run to run, and with it their number. Its heartbeat may be
// inside a transaction at that instant, which stalls every other writer: that
// runner is let go, and another one started.
func stopAt(t *testing.T, point string) (job, *process) {
	near, _, _ := strings.Cut(point, "; ")
	for range 10 {
		j := newJob(t, "every.lua", "names.lua")
		j.Params = map[string]any{"fail": true}
		j.Near, j.How = near, "stop"
		p := j.start(t)
		eventually(t, "the runner has stopped", p.stopped)
		if writable(t, j.db()) {
			return j, p
		}
		j.book().openGate(t, "awake")
		p.signal(syscall.SIGCONT)
		p.wait()
	}
	t.Fatal("the runner stopped inside a transaction ten times")
	return job{}, nil
}

// writable reports whether nobody is inside a transaction that writes.
func writable(t *testing.T, path string) bool {
	db, err := sql.Open("sqlite3", "file:"+path+"?_txlock=immediate&_busy_timeout=0")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		if e := (sqlite3.Error{}); errors.As(err, &e) && e.Code == sqlite3.ErrBusy {
			return false
		}
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	return true
}
