package interpreter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// recorded is a script that every kind of edit can be made to. It is
// interrupted at "open", after "last".
const recorded = preamble + `
on_rollback("undo", function()
  ledger.put_retry { item = "undo 1" }
  ledger.put_retry { item = "undo 2" }
end)
on_rollback("undo first", function() ledger.put_retry { item = "undo 0" } end)
ledger.put_retry { item = "first" }
parallel {
  x = function() ledger.put_retry { item = "x1" } ledger.put_retry { item = "x2" } end,
  y = function() ledger.put_retry { item = "y1" } end,
}
ledger.twice { item = "both" }
ledger.put_retry { item = "last" }
fail "here"
`

var edits = []struct{ name, old, new string }{
	{"arguments differ", `item = "first"`, `item = "second"`},
	{"another op", `ledger.put_retry { item = "first" }`, `ledger.put_observe { item = "first" }`},
	{"an effect dropped", `ledger.put_retry { item = "first" }`, ``},
	{"an effect added before", `ledger.put_retry { item = "first" }`, `ledger.put_retry { item = "new" } ledger.put_retry { item = "first" }`},
	{"an effect becomes parallel", `ledger.put_retry { item = "first" }`, `parallel { x = function() ledger.put_retry { item = "first" } end }`},
	{"parallel becomes an effect", `parallel {`, `ledger.put_retry { item = "x1" } local _ = {`},
	{"a branch dropped", `  y = function() ledger.put_retry { item = "y1" } end,`, ``},
	{"a branch renamed", `y = function`, `z = function`},
	{"branches swapped", `item = "y1"`, `item = "x1"`},
	{"a branch loses its last effect", `ledger.put_retry { item = "x2" } end`, `end`},
	{"a branch loses its only effect", `y = function() ledger.put_retry { item = "y1" } end`, `y = function() end`},
	{"a branch begins with something else", `y = function()`, `y = function() ledger.look {}`},
	{"a branch fails", `y = function()`, `y = function() fail "no"`},
	{"a composite becomes an effect", `ledger.twice { item = "both" }`, `ledger.put_retry { item = "both" }`},
	{"a composite becomes parallel", `ledger.twice { item = "both" }`, `parallel { a = function() ledger.put_retry { item = "both 1" } end }`},
	{"an effect becomes a composite", `ledger.put_retry { item = "last" }`, `ledger.twice { item = "last" }`},
	{"the last effect dropped", `ledger.put_retry { item = "last" }`, ``},
	{"the end comes early", `ledger.twice`, `fail "early" ledger.twice`},
	{"a rollback loses its first effect", `ledger.put_retry { item = "undo 1" }`, ``},
	{"a rollback gets another effect", `ledger.put_retry { item = "undo 0" }`, `ledger.put_retry { item = "undo 0" } ledger.put_retry { item = "more" }`},
	{"a rollback loses its only effect", `ledger.put_retry { item = "undo 0" }`, ``},
	{"a rollback dropped", `on_rollback("undo first", function() ledger.put_retry { item = "undo 0" } end)`, ``},
	{"rollbacks become parallel", `ledger.put_retry { item = "undo 1" }`, `parallel { x = function() ledger.put_retry { item = "undo 1" } end }`},
}

// TestDivergence resumes a run with scripts that do not agree with what is
// recorded. Each ends at once, and nothing has changed.
func TestDivergence(t *testing.T) {
	r := newRig(t)
	dead := false
	out := r.begin(r.engine(dyingIn("r1.1.2", 1, &dead)), patient(t), recorded, nil)
	r.ends(out, effect.StatusInterrupted)
	events, entries := r.events(out.Run), r.book.must(t)
	for _, edit := range edits {
		t.Run(edit.name, func(t *testing.T) {
			text := strings.Replace(recorded, edit.old, edit.new, 1)
			if text == recorded {
				t.Fatal("the edit changes nothing")
			}
			with := &script.Source{Name: "edited.lua", Text: []byte(text)}
			_, err := r.engine().Resume(patient(t), out.Run, interpreter.ResumeOptions{With: with, WithLoader: interpreter.Dir(r.dir), By: "kim"})
			d := diverges(t, err)
			if d.Recorded.Op == "" || d.Recorded.Where.File != "test.lua" {
				t.Errorf("what is recorded is shown as %+v", d.Recorded)
			}
			if d.Requested.Op != "" && d.Requested.Where.File != "edited.lua" {
				t.Errorf("what is requested is shown as %+v", d.Requested)
			}
			_, err = r.engine().Replay(patient(t), out.Run, with, interpreter.Dir(r.dir))
			diverges(t, err)
			if len(r.events(out.Run)) != len(events) || len(r.book.must(t)) != len(entries) || r.run().Holder != nil {
				t.Error("the refused script has changed something")
			}
		})
	}
	r.ends(r.resume(r.engine(), out.Run), effect.StatusRolledBack)
	r.book.must(t).audit(t, []string{"first", "x1", "x2", "y1", "both 1", "both 2", "last", "undo 0", "undo 1", "undo 2"}, 1)
}

// TestResumeWith goes on with an edited script.
func TestResumeWith(t *testing.T) {
	const text = preamble + `
local names = require "names"
ledger.put_retry { item = names.first }
ledger.put_retry { item = "second" }
ledger.put_retry { item = "third" }`
	begin := func(t *testing.T) (*rig, string) {
		r := newRig(t)
		writeFile(t, r.dir+"/names.lua", `return { first = "first" }`)
		dead := false
		out := r.begin(r.engine(dyingIn("3", 1, &dead)), patient(t), text, nil)
		r.ends(out, effect.StatusInterrupted)
		return r, out.Run
	}
	with := func(t *testing.T, r *rig, run, text string) (interpreter.Outcome, error) {
		return r.engine().Resume(patient(t), run, interpreter.ResumeOptions{
			With: &script.Source{Name: "fixed.lua", Text: []byte(text)}, WithLoader: interpreter.Dir(r.dir), By: "kim"})
	}
	t.Run("agrees", func(t *testing.T) {
		r, run := begin(t)
		writeFile(t, r.dir+"/more.lua", `return { item = "more" }`)
		fixed := strings.Replace(text, `"third" }`, "\"fixed\" }\nledger.put_retry(require 'more')", 1)
		out, err := with(t, r, run, fixed)
		if err != nil {
			t.Fatal(err)
		}
		r.ends(out, effect.StatusSucceeded)
		r.book.must(t).audit(t, []string{"first", "second", "fixed", "more"}, 0)
		sources, err := r.db.Sources(t.Context(), run)
		if err != nil || len(sources) < 3 {
			t.Errorf("%d sources are recorded, %v", len(sources), err)
		}
		if _, err := r.engine().Replay(t.Context(), run, nil, nil); err != nil {
			t.Errorf("the run does not replay: %v", err)
		}
	})
	t.Run("agrees, and the runner dies", func(t *testing.T) {
		fixed := strings.Replace(text, `"third"`, `require("more").item`, 1)
		for crash := 1; ; crash++ {
			r, run := begin(t)
			writeFile(t, r.dir+"/more.lua", `return { item = "more" }`)
			dead := false
			out, err := r.engine(dyingIn("", crash, &dead)).Resume(patient(t), run,
				interpreter.ResumeOptions{With: &script.Source{Name: "fixed.lua", Text: []byte(fixed)}, WithLoader: interpreter.Dir(r.dir)})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(r.dir + "/more.lua"); err != nil {
				t.Fatal(err)
			}
			if dead {
				r.ends(out, effect.StatusInterrupted)
				out = r.resume(r.engine(), run)
			}
			r.ends(out, effect.StatusSucceeded)
			r.book.must(t).audit(t, []string{"first", "second", "more"}, 1)
			if !dead {
				break
			}
		}
	})
	t.Run("disagrees", func(t *testing.T) {
		r, run := begin(t)
		before := r.bytes()
		_, err := with(t, r, run, strings.Replace(text, `{ item = "second" }`, `{ item = "2nd" }`, 1))
		diverges(t, err)
		for _, line := range []string{`recorded:  ledger.put_retry {"item":"second"}  at test.lua:6`, `requested: ledger.put_retry {"item":"2nd"}  at fixed.lua:6`} {
			if !strings.Contains(err.Error(), line) {
				t.Errorf("the error does not say %q:\n%v", line, err)
			}
		}
		if !bytes.Equal(before, r.bytes()) {
			t.Error("the journal has changed")
		}
	})
	t.Run("fails early", func(t *testing.T) {
		r, run := begin(t)
		before := r.bytes()
		for _, text := range []string{"runbook {", "local x = nil + 1", `runbook { name = "x", summary = "x" } fail "no"`} {
			if _, err := with(t, r, run, text); err == nil {
				t.Errorf("a resume with %q goes on", text)
			}
		}
		if !bytes.Equal(before, r.bytes()) {
			t.Error("the journal has changed")
		}
		r.ends(r.resume(r.engine(), run), effect.StatusSucceeded)
	})
	t.Run("has ended", func(t *testing.T) {
		r, run := begin(t)
		r.ends(r.resume(r.engine(), run), effect.StatusSucceeded)
		n := len(r.events(run))
		_, err := with(t, r, run, text)
		if !errors.As(err, new(*interpreter.Ended)) {
			t.Errorf("got %v", err)
		}
		if len(r.events(run)) != n || r.run().Holder != nil {
			t.Error("the journal has changed")
		}
	})
}

// bytes is all that the journal holds of the newest run.
func (r *rig) bytes() []byte {
	r.t.Helper()
	run := r.run()
	sources, err := r.db.Sources(r.t.Context(), run.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	data, err := json.Marshal(struct {
		Run     journal.Run
		Events  []effect.Event
		Sources []journal.Source
	}{run, r.events(run.ID), sources})
	if err != nil {
		r.t.Fatal(err)
	}
	return data
}

// files is every byte that the journal has on disk.
func (r *rig) files() []byte {
	r.t.Helper()
	paths, err := filepath.Glob(filepath.Join(r.dir, "rb.db*"))
	if err != nil || len(paths) < 2 {
		r.t.Fatalf("the journal's files are %v: %v", paths, err)
	}
	var all []byte
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}
