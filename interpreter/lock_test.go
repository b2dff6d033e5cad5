package interpreter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
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

// refused verifies that a run does not even begin while another has its lock.
func (r *rig) refused(holder string) {
	r.t.Helper()
	before, err := r.db.Runs(r.t.Context(), journal.Filter{})
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = r.engine().Start(patient(r.t), interpreter.Start{Main: script.Source{Name: "test.lua", Text: []byte(locking)},
		Loader: interpreter.Dir(r.dir), Params: given(nil), By: "test"})
	var held *journal.LockedError
	if !errors.As(err, &held) || held.Run != holder || held.Name != "db/main" {
		r.t.Fatalf("a start that needs the locks of %s: %v", holder, err)
	}
	if after, err := r.db.Runs(r.t.Context(), journal.Filter{}); err != nil || len(after) != len(before) {
		r.t.Errorf("the refused start left a run: %v, %v", after, err)
	}
}

func TestLocks(t *testing.T) {
	r := newRig(t)
	done := r.carried(locking+`sleep "1h"`, 1)
	first := r.run().ID
	r.refused(first)
	if n := len(r.book.must(t).pick(received, "one")); n != 1 {
		t.Errorf("one was sent %d times: the refused run did something", n)
	}
	if _, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: first, By: "kim"}); err != nil {
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
	stopped := r.begin(r.engine(dyingIn("1", 2, &dead)), patient(t), locking, nil)
	r.ends(stopped, effect.StatusInterrupted)
	r.refused(stopped.Run)
	r.ends(r.resume(r.engine(), stopped.Run), effect.StatusSucceeded)

	done := r.carried(locking+`sleep "1h"`, 1)
	holder := r.run().ID
	if _, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: stopped.Run, By: "kim"}); err != nil {
		t.Fatal(err)
	}
	r.locked(r.resume(r.engine(), stopped.Run), effect.StatusSucceeded, holder) // it stays what it was
	if _, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: holder, By: "kim"}); err != nil {
		t.Fatal(err)
	}
	<-done
	r.ends(r.resume(r.engine(), stopped.Run), effect.StatusRolledBack)
}
