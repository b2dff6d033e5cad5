package interpreter_test

import (
	"database/sql"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// asks starts a script in the background, by a clock that the test moves, and
// waits until it asks.
func (r *rig) asks(text string) (*manual, <-chan interpreter.Outcome) {
	r.t.Helper()
	clock := newManual()
	r.opts.Clock = clock
	done := make(chan interpreter.Outcome, 1)
	go func() { done <- r.begin(r.engine(), patient(r.t), text, nil) }()
	r.seen.await(r.t, effect.QuestionAsked, 1)
	return clock, done
}

// answer gives an answer to the newest run.
func (r *rig) answer(by string, deny bool) error {
	r.t.Helper()
	_, err := r.engine().Answer(r.t.Context(), interpreter.Answer{Run: r.run().ID, By: by, Deny: deny, Reason: "because"})
	return err
}

func detached(o *interpreter.Options) { o.Detach = true }

func TestApproveQuorum(t *testing.T) {
	r := newRig(t)
	_, done := r.asks(preamble + `
local yes = approve { title = "go on?", by = { "ann", "bob", "cy" }, count = 2 }
ledger.put_observe { item = table.concat(yes.by, " ") }`)
	for _, step := range []struct {
		by   string
		deny bool
		want string // of the error
	}{
		{"eve", false, `eve may not answer "go on?": it asks ann, bob, cy`},
		{"bob", false, ""},
		{"bob", false, interpreter.ErrAlready.Error()},
		{"bob", true, "bob has approved"},
		{"eve", true, "eve may not answer"},
	} {
		err := r.answer(step.by, step.deny)
		if got := ""; err != nil && step.want != "" {
			got = err.Error()
			if !strings.Contains(got, step.want) {
				t.Errorf("%s: got %q, want %q", step.by, got, step.want)
			}
		} else if (err != nil) != (step.want != "") {
			t.Errorf("%s: got %v, want %q", step.by, err, step.want)
		}
	}
	select {
	case out := <-done:
		t.Fatalf("one answer of two was enough: %+v", out)
	default:
	}
	if err := r.answer("ann", false); err != nil {
		t.Fatal(err)
	}
	r.ends(<-done, effect.StatusSucceeded)
	r.book.must(t).audit(t, []string{"bob ann"}, 0)
	if err := r.answer("cy", false); err == nil || !strings.Contains(err.Error(), "asks nothing") {
		t.Errorf("an answer after the end gives %v", err)
	}
}

func TestApproveDeniedAndExpired(t *testing.T) {
	const text = preamble + `
local ok, e = pcall(approve, { title = "go on?", timeout = "10m" })
ledger.put_observe { item = tostring(ok) .. " " .. e.code, note = e.message }`
	t.Run("denied", func(t *testing.T) {
		r := newRig(t)
		_, done := r.asks(text)
		if err := r.answer("ann", true); err != nil {
			t.Fatal(err)
		}
		r.ends(<-done, effect.StatusSucceeded)
		r.book.must(t).audit(t, []string{"false denied"}, 0)
	})
	t.Run("expired", func(t *testing.T) {
		r := newRig(t)
		clock, done := r.asks(text)
		clock.advance(11 * time.Minute)
		r.ends(<-done, effect.StatusSucceeded)
		r.book.must(t).audit(t, []string{"false expired"}, 0)
	})
	t.Run("expired while nobody waits", func(t *testing.T) {
		r := newRig(t)
		clock := newManual()
		r.opts.Clock = clock
		out := r.begin(r.engine(detached), patient(t), text, nil)
		r.ends(out, effect.StatusWaiting)
		clock.advance(11 * time.Minute)
		if err := r.answer("ann", false); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("an answer that comes late gives %v", err)
		}
		r.ends(r.resume(r.engine(detached), out.Run), effect.StatusSucceeded)
		r.book.must(t).audit(t, []string{"false expired"}, 0)
	})
}

func TestApproveDetached(t *testing.T) {
	r := newRig(t)
	out := r.begin(r.engine(detached), patient(t), preamble+`
parallel {
  a = function() approve "a?" ledger.put_observe { item = "a" } end,
  b = function() approve "b?" ledger.put_observe { item = "b" } end,
  c = function() ledger.put_observe { item = "c1" } sleep "1ms" ledger.put_observe { item = "c2" } end,
}`, nil)
	r.ends(out, effect.StatusWaiting)
	if run := r.run(); run.Status != effect.StatusWaiting || run.Holder != nil {
		t.Errorf("the journal says %s, held by %v", run.Status, run.Holder)
	}
	r.book.must(t).audit(t, []string{"c1", "c2"}, 0)
	if err := r.answer("ann", false); err == nil || !strings.Contains(err.Error(), "asks several things") {
		t.Errorf("an answer to one of two questions gives %v", err)
	}
	for _, branch := range []string{"a", "b"} {
		r.ends(r.resume(r.engine(detached), out.Run), effect.StatusWaiting) // nothing has changed
		q, err := r.engine().Answer(t.Context(), interpreter.Answer{Run: out.Run, Place: effect.Place("1").Branch(branch).Effect(1), By: "ann"})
		if err != nil || q.Title != branch+"?" {
			t.Fatalf("%+v, %v", q, err)
		}
		out = r.resume(r.engine(detached), out.Run)
	}
	r.ends(out, effect.StatusSucceeded)
	r.book.must(t).audit(t, []string{"a", "b", "c1", "c2"}, 0)
}

// TestApproveSurvives kills the runner after it asked, answered and not.
func TestApproveSurvives(t *testing.T) {
	for _, answered := range []bool{true, false} {
		r := newRig(t)
		j := job{Dir: r.dir, Script: "test.lua", Near: "after question.asked", How: "stop"}
		writeFile(t, r.dir+"/test.lua", preamble+`
approve { title = "go on?", timeout = "1h" }
ledger.put_observe { item = "done" }`)
		runner := j.start(t)
		eventually(t, "the runner has stopped", runner.stopped)
		if answered {
			if err := r.answer("ann", false); err != nil {
				t.Fatal(err)
			}
		}
		asked := r.events(r.run().ID)
		runner.signal(syscall.SIGKILL)
		<-runner.done
		next := j.again(t)
		next.Detach = true
		out := next.must(t)
		if !answered {
			if out.Status != effect.StatusWaiting {
				t.Errorf("unanswered, the run is %s: %s", out.Status, out.Err)
			}
			if err := r.answer("ann", false); err != nil {
				t.Fatal(err)
			}
			out = next.must(t)
		}
		if out.Status != effect.StatusSucceeded {
			t.Errorf("answered, the run is %s: %s", out.Status, out.Err)
		}
		n := 0
		for _, ev := range r.events(r.run().ID) {
			if ev.Kind == effect.QuestionAsked {
				n++
			}
		}
		if n != 1 || asked[len(asked)-1].Kind == effect.RunCreated {
			t.Errorf("the question was asked %d times", n)
		}
		r.book.must(t).audit(t, []string{"done"}, 1)
	}
}

// TestApproveSeparate: who started or resumed a run may not answer what others
// have to.
func TestApproveSeparate(t *testing.T) {
	const text = preamble + `
approve { title = "go on?", separate = true }
ledger.put_retry { item = "one" }`
	r := newRig(t)
	r.ends(r.begin(r.engine(detached), patient(t), text, nil), effect.StatusWaiting)
	id := r.run().ID
	if out, err := r.engine(detached).Resume(patient(t), id, interpreter.ResumeOptions{By: "kim@ops1"}); err != nil || out.Status != effect.StatusWaiting {
		t.Fatalf("%v, %v", out, err)
	}
	// By of the start, and of the resume, however it is written.
	for _, by := range []string{"test", "test@elsewhere", "kim", "Test", "TEST@ops1", "ｋｉｍ", "k im"} {
		if err := r.answer(by, false); err == nil || !strings.Contains(err.Error(), "others than those who started or resumed") {
			t.Errorf("the word of %s: %v", by, err)
		}
	}
	for _, by := range []string{"kim ", "\u200bkim", " "} {
		if err := r.answer(by, false); err == nil || !strings.Contains(err.Error(), "nobody answers as") {
			t.Errorf("the word of %q: %v", by, err)
		}
	}
	theirs := func(o *interpreter.Options) { o.Owner.User = "Kim" } // in somebody else's name
	if _, err := r.engine(theirs).Answer(t.Context(), interpreter.Answer{Run: id, By: "ann"}); err == nil || !strings.Contains(err.Error(), "whose account this is") {
		t.Errorf("the word of a starter in the name of ann: %v", err)
	}
	if err := r.answer("ann", false); err != nil {
		t.Fatal(err)
	}
	r.ends(r.resume(r.engine(), id), effect.StatusSucceeded)
	for _, ev := range r.events(r.run().ID) {
		if ev.Kind == effect.QuestionAnswered && (ev.Body.By != "ann" || !strings.HasPrefix(ev.Body.User, r.opts.Owner.User+"@")) {
			t.Errorf("the answer is recorded as %+v", ev.Body)
		}
	}

	for args, want := range map[string]string{
		`by = { "test", "ann" }, count = 2, separate = true`: "must be others than test",
		`by = { "ann" }, count = 2`:                          "count is 2 and by names 1",
	} {
		out := r.begin(r.engine(), patient(t), preamble+`approve { title = "go on?", `+args+` }`, nil)
		r.ends(out, effect.StatusFailed)
		if !strings.Contains(out.Err.Error(), "test.lua:") || !strings.Contains(out.Err.Error(), want) {
			t.Errorf("an approval that cannot be given: %v", out.Err)
		}
	}
}

// TestApproveThatCannotBeGiven fails where it stands, before anybody is asked.
func TestApproveThatCannotBeGiven(t *testing.T) {
	for _, args := range []string{`by = {}`, `by = { "ann", "ann" }`, `by = { "ann", "" }`} {
		r := newRig(t)
		out := r.begin(r.engine(), patient(t), preamble+`approve { title = "go on?", `+args+` }`, nil)
		r.ends(out, effect.StatusFailed)
		if !strings.Contains(out.Err.Error(), "nobody can agree") || !strings.Contains(out.Err.Error(), "test.lua:") {
			t.Errorf("%s: %v", args, out.Err)
		}
		for _, ev := range r.events(r.run().ID) {
			if ev.Kind == effect.QuestionAsked {
				t.Errorf("%s: people were asked", args)
			}
		}
	}
}

// TestForgedAnswers: a runner that waits goes by nothing that the program did
// not write, and stops.
func TestForgedAnswers(t *testing.T) {
	r := newRig(t)
	_, done := r.asks(preamble + `
approve { title = "go on?", by = { "ann", "bob" }, count = 2 }
ledger.put_retry { item = "one" }`)
	if err := r.answer("ann", false); err != nil {
		t.Fatal(err)
	}
	forge(t, r.db.Path(), `INSERT INTO events SELECT run, seq + 1, at, epoch, kind, place, version, replace(body, 'ann', 'bob'), x'00'
		FROM events WHERE kind = 'question.answered'`)
	out := <-done
	s := effect.AsStop(out.Err)
	if s == nil || s.Cause != effect.Unwritable || !strings.Contains(out.Err.Error(), "is not as it was written") {
		t.Fatalf("the runner ended with %v, %v", out.Status, out.Err)
	}
	if n := len(r.book.must(t).pick(received, "one")); n != 0 {
		t.Errorf("it went on by a forged answer")
	}
	forge(t, r.db.Path(), "DELETE FROM events WHERE hash = x'00'") // the rest is whole
}

// TestAnswerToACutRecord: who answers is told of the forgery, and not what a
// forged record says.
func TestAnswerToACutRecord(t *testing.T) {
	for cut, mend := range map[string]string{
		"UPDATE events SET kind = 'effect.intended' WHERE kind = 'question.asked'": "UPDATE events SET kind = 'question.asked' WHERE kind = 'effect.intended'",
		"UPDATE runs SET status = 'failed'":                                        "UPDATE runs SET status = 'waiting'",
	} {
		r := newRig(t)
		r.ends(r.begin(r.engine(detached), patient(t), preamble+`approve { title = "go on?" }`, nil), effect.StatusWaiting)
		forge(t, r.db.Path(), cut)
		var tampered *journal.TamperedError
		if err := r.answer("ann", false); !errors.As(err, &tampered) {
			t.Errorf("%s: %v", cut, err)
		}
		forge(t, r.db.Path(), mend)
	}
}

// forge changes a journal behind the program's back.
func forge(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
