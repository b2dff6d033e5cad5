package script

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestUndo: what a call may have changed is registered with it, in the order in
// which calls end, and what certainly changed nothing is not.
func TestUndo(t *testing.T) {
	const text = `
local vault = require "vault"
local function use(data) return vault.use { data = data, undo = function() print("back", data) end } end
use "done"
pcall(use, "refused")
pcall(use, "unknown")
pcall(use, "failed")
retry { attempts = 3, wait = "1s", function() use "late" end }
parallel { a = function() use "in a" end, b = function() use "in b" end }
vault.use { data = "for good" }
error "now"`
	tries := 0
	r := &recorder{answer: func(_ context.Context, call effect.Call) (any, error) {
		switch data := call.Args["data"]; data {
		case "refused":
			return nil, effect.Errorf(effect.CodeRefused, "no")
		case "unknown":
			return nil, effect.Errorf(effect.CodeUnknown, "who knows")
		case "failed":
			return nil, effect.Errorf(effect.CodeFailed, "it was tried")
		case "late":
			if tries++; tries < 3 {
				return nil, effect.Errorf(effect.CodeUnavailable, "not there")
			}
		}
		return nil, nil
	}}
	s := newScript(t, text, r)
	errorOf(t, run(t, s))
	for i, rb := range s.Rollbacks() {
		if rb.Name != "undo vault.use" || rb.Where.Line != 3 {
			t.Errorf("registered is %+v", rb)
		}
		if err := s.RunRollback(context.Background(), rb, effect.RollbackPlace(1, i+1), false); err != nil {
			t.Error(err)
		}
	}
	want := []string{"back\tlate", "back\tfailed", "back\tunknown", "back\tdone"}
	got := r.printed()
	if !slices.Equal(got[2:], want) || !slices.Contains(got[:2], "back\tin a") || !slices.Contains(got[:2], "back\tin b") {
		t.Errorf("got %q", got)
	}
	if marks := strings.Count(strings.Join(r.seen(), "\n"), effect.OpRegistered); marks != 6 {
		t.Errorf("%d registrations were told, want 6", marks)
	}
}

// TestUndoOfWhatIsLeft: a rollback that goes on without the outcome of writes takes
// them back first, in an order that their places give, whichever ended first.
func TestUndoOfWhatIsLeft(t *testing.T) {
	const text = `
local vault = require "vault"
local function use(data) vault.use { data = data, undo = function() print("back", data) end } end
use "before"
parallel { a = function() use "in a" end, b = function() use "in b" end, c = function() sleep(1) use "never begun" end }`
	for _, first := range []string{"in a", "in b"} {
		t.Run(first, func(t *testing.T) {
			ended := make(chan struct{})
			r := &recorder{answer: func(_ context.Context, call effect.Call) (any, error) {
				switch data := call.Args["data"]; {
				case data == "never begun":
					return nil, &effect.Stop{Cause: effect.RollingBack}
				case data == first:
					defer close(ended)
					return nil, &effect.Stop{Cause: effect.RollingBack, Left: true}
				case data == "in a" || data == "in b":
					<-ended
					return nil, &effect.Stop{Cause: effect.RollingBack, Left: true}
				}
				return nil, nil
			}}
			s := newScript(t, text, r)
			if stop := effect.AsStop(run(t, s)); stop == nil || stop.Cause != effect.RollingBack {
				t.Fatalf("got %v", stop)
			}
			for _, rb := range s.Rollbacks() {
				if err := s.RunRollback(context.Background(), rb, effect.RollbackPlace(1, rb.Index), false); err != nil {
					t.Error(err)
				}
			}
			if got, want := r.printed(), []string{"back\tin b", "back\tin a", "back\tbefore"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestUndoThatCannotBe says why, before anything is sent.
func TestUndoThatCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		`vault.read { undo = function() end }`:                                                  "vault.read: undo: it only reads, so that there is nothing to take back",
		`vault.use { undo = true }`:                                                             "undo: should be a function that takes the call back, not true",
		`on_rollback(function() vault.use { undo = function() end } end) error "x"`:             "a rollback cannot register another",
		fmt.Sprintf(`for _ = 1, %d do vault.use { undo = function() end } end`, maxRollbacks+1): "rollbacks would be registered",
	} {
		r := &recorder{}
		s := newScript(t, `local vault = require "vault" `+text, r)
		err := run(t, s)
		for _, rb := range s.Rollbacks() {
			if strings.Contains(want, "cannot register") {
				err = s.RunRollback(context.Background(), rb, effect.RollbackPlace(1, rb.Index), false)
			}
		}
		if e := errorOf(t, err); !strings.Contains(e.Message, want) {
			t.Errorf("%s: got %s", text, e.Message)
		}
	}
}
