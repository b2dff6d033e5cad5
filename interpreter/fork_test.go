package interpreter_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

const forked = preamble + `
local drawn = random(1000000) .. run.id
step("prepare", function()
  on_rollback(function() ledger.put_retry { item = "undo" } end)
  ledger.put_retry { item = "one", note = tostring(drawn) }
end)
checkpoint "prepared"
ledger.put_retry { item = "two", note = tostring(drawn) }
step("finish", function() ledger.put_retry { item = "three", note = tostring(drawn) } end)
for i = 1, 2 do step("again", function() ledger.look {} end) end
`

func TestFork(t *testing.T) {
	for _, test := range []struct {
		from  string
		again []string // what the fork does again
	}{
		{"prepare", []string{"one", "two", "three"}},
		{"prepared", []string{"two", "three"}},
		{"finish", []string{"three"}},
		{"~4", []string{"two", "three"}}, // the checkpoint's place
	} {
		t.Run(test.from, func(t *testing.T) {
			r := newRig(t)
			old := r.begin(r.engine(), patient(t), forked, nil)
			r.ends(old, effect.StatusSucceeded)
			before := r.events(old.Run)
			ready := ""
			out, err := r.engine().Fork(patient(t), interpreter.Fork{Run: old.Run, From: test.from, By: "kim", Ready: func(id string) { ready = id }})
			if err != nil {
				t.Fatal(err)
			}
			r.ends(out, effect.StatusSucceeded)
			if ready != out.Run || out.Run == old.Run {
				t.Errorf("ready was told of %q; the fork is %s of %s", ready, out.Run, old.Run)
			}
			var did []string
			notes := map[string]bool{}
			for _, e := range r.book.must(t).pick(applied, "") {
				notes[e.Args[strings.Index(e.Args, `"note"`):]] = true
				if e.Run == out.Run {
					did = append(did, e.Item)
				}
			}
			if got, want := strings.Join(did, " "), strings.Join(test.again, " "); got != want {
				t.Errorf("the fork did %q, want %q", got, want)
			}
			if fresh := len(notes) > 1; fresh {
				t.Error("the fork drew its past again")
			}
			parent, err := r.db.Find(t.Context(), old.Run)
			if err != nil || parent.Successor != out.Run || parent.Status != effect.StatusSucceeded {
				t.Errorf("the old run is %+v, %v", parent, err)
			}
			if after := r.events(old.Run); len(after) != len(before)+1 || after[len(before)].Kind != effect.Forked {
				t.Errorf("the old run went from %d to %d events", len(before), len(after))
			}
			tell(t, r.events(out.Run)).compare(t, tell(t, before))
			r.ends(r.rollBack(), effect.StatusRolledBack) // of the fork
		})
	}
}

func TestForkRefused(t *testing.T) {
	r := newRig(t)
	out := r.begin(r.engine(), patient(t), forked, nil)
	for from, want := range map[string]string{
		"prepard": `did you mean "prepare"?`,
		"again":   `it came to "again" several times`,
	} {
		if _, err := r.engine().Fork(patient(t), interpreter.Fork{Run: out.Run, From: from}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("from %s: got %v, want %q", from, err, want)
		}
	}
	done := r.carried(preamble+`step("a", function() sleep "1h" end)`, 1)
	run := r.run().ID
	if _, err := r.engine().Fork(patient(t), interpreter.Fork{Run: run, From: "a"}); err == nil || !strings.Contains(err.Error(), "is being carried out by") {
		t.Errorf("a fork of a run under way gives %v", err)
	}
	if _, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: run, By: "kim"}); err != nil {
		t.Fatal(err)
	}
	<-done
}

// TestReplay walks runs that ended in each way, and changes nothing.
func TestReplay(t *testing.T) {
	for _, fail := range []bool{false, true} {
		r := newRig(t)
		out := r.begin(r.engine(), patient(t), r.everyScript(), map[string]any{"fail": fail})
		before, entries := r.bytes(), len(r.book.must(t))
		walked, err := r.engine().Replay(patient(t), out.Run, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if walked.Replayed != out.Live || walked.Next != nil || (walked.Failure != nil) != fail {
			t.Errorf("replayed are %d of %d, next is %+v, the failure %v", walked.Replayed, out.Live, walked.Next, walked.Failure)
		}
		if !bytes.Equal(before, r.bytes()) || len(r.book.must(t)) != entries {
			t.Error("the replay has changed something")
		}
	}
}

// TestReplayOfAnUnfinishedRun shows where the record ends.
func TestReplayOfAnUnfinishedRun(t *testing.T) {
	r := newRig(t)
	dead := false
	out := r.begin(r.engine(dyingIn("2", 1, &dead)), patient(t), forked, nil)
	r.ends(out, effect.StatusInterrupted)
	walked, err := r.engine().Replay(patient(t), out.Run, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if walked.Next == nil || walked.Next.Op.String() != "ledger.put_retry" || walked.Next.Place != "2" {
		t.Errorf("next is %+v", walked.Next)
	}
	if open := history.Of(r.events(out.Run)).Open(); len(open) > 0 {
		t.Errorf("open are %+v", open)
	}
	if _, err := r.engine().Resolve(t.Context(), interpreter.Resolution{Run: out.Run, Outcome: history.OutcomeApplied, By: "kim", Reason: "saw it"}); err == nil {
		t.Error("an outcome that is not unknown was resolved")
	}
	if _, err := r.engine().Resume(t.Context(), "0000", interpreter.ResumeOptions{}); err == nil || errors.As(err, new(*interpreter.Ended)) {
		t.Errorf("a resume of no run gives %v", err)
	}
}
