package interpreter_test

import (
	"encoding/json"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// TestSubject: people agree to all that a run goes by, in whatever order it is read.
func TestSubject(t *testing.T) {
	run := journal.Run{Script: "main.lua", Params: json.RawMessage("{}")}
	main, a, b := journal.Source{Name: "main.lua", Hash: "1"}, journal.Source{Name: "a.lua", Hash: "2"}, journal.Source{Name: "b.lua", Hash: "3"}
	all := func(sources ...journal.Source) string { return interpreter.SubjectOf(run, sources).All }
	of := all(main, a, b)
	if all(b, main, a) != of {
		t.Error("the order of the sources counts")
	}
	changed, renamed := a, a
	changed.Hash, renamed.Name = "9", "c.lua"
	for what, other := range map[string]string{"changed": all(main, changed, b), "renamed": all(main, renamed, b), "missing": all(main, b)} {
		if other == of {
			t.Errorf("a file that is %s makes no difference", what)
		}
	}
}
