package interpreter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

const locking = `runbook { name = 'locking', summary = 'Test', locks = { "traffic/web", "db/main" } }
local ledger = require 'ledger'
on_rollback(function() ledger.put_retry { item = "undo" } end)
ledger.put_retry { item = "one" }
`

// locked verifies that a run was refused a lock by another.
func (r *rig) locked(out interpreter.Outcome, status effect.Status, holder string) {
	r.t.Helper()
	r.ends(out, status)
	s := effect.AsStop(out.Err)
	var held *journal.LockedError
	if s == nil || s.Cause != effect.LockHeld || !errors.As(out.Err, &held) {
		r.t.Fatalf("the reason is %v", out.Err)
	}
	if held.Run != holder || held.Name != "db/main" || !strings.Contains(out.Err.Error(), holder) || !strings.Contains(out.Err.Error(), "locking") {
		r.t.Errorf("the refusal says %v", out.Err)
	}
}

func TestLocks(t *testing.T) {
	r := newRig(t)
	done := r.carried(locking+`sleep "1h"`, 1)
	first := r.run().ID
	r.locked(r.begin(r.engine(), patient(t), locking, nil), effect.StatusCanceled, first)
	if n := len(r.book.must(t).pick(received, "one")); n != 1 {
		t.Errorf("one was sent %d times: the refused run did something", n)
	}
	if _, err := r.engine().Cancel(t.Context(), first, "kim", ""); err != nil {
		t.Fatal(err)
	}
	r.ends(<-done, effect.StatusCanceled)
	r.ends(r.begin(r.engine(), patient(t), locking, nil), effect.StatusSucceeded)
}

// TestLocksOfARunThatStopped keeps locks while a run only waits to go on, and
// takes them again for a rollback after the end.
func TestLocksOfARunThatStopped(t *testing.T) {
	r := newRig(t)
	dead := false
	stopped := r.begin(r.engine(func(o *interpreter.Options) { o.Wrap = dyingIn("1", 2, &dead) }), patient(t), locking, nil)
	r.ends(stopped, effect.StatusInterrupted)
	r.locked(r.begin(r.engine(), patient(t), locking, nil), effect.StatusCanceled, stopped.Run)
	r.ends(r.resume(r.engine(), stopped.Run), effect.StatusSucceeded)

	done := r.carried(locking+`sleep "1h"`, 1)
	holder := r.run().ID
	if _, err := r.engine().RequestRollback(t.Context(), stopped.Run, "kim", ""); err != nil {
		t.Fatal(err)
	}
	r.locked(r.resume(r.engine(), stopped.Run), effect.StatusSucceeded, holder) // it stays what it was
	if _, err := r.engine().Cancel(t.Context(), holder, "kim", ""); err != nil {
		t.Fatal(err)
	}
	<-done
	r.ends(r.resume(r.engine(), stopped.Run), effect.StatusRolledBack)
}
