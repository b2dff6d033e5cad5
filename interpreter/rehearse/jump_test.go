package rehearse_test

import (
	"fmt"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestClockJumpsInTurn: where the clock jumps in one branch, another one that still
// computes at that moment reads the same time in each run.
func TestClockJumpsInTurn(t *testing.T) {
	catalog := scenarioCatalog(t)
	r, err := rehearse.New(t.Context(), rehearse.Options{Main: script.Source{Name: "a.lua", Text: []byte(`
runbook { name = "a" }
local traffic = require "traffic"
parallel {
  a = function() traffic.weights {} end,
  b = function() for i = 1, 1000 do log.info(time.format(now(), "%H:%M")) end end,
}`)}, Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := simulate.ParseSchedule("1.a.1:clock-jumps", catalog)
	if err != nil {
		t.Fatal(err)
	}
	first := ""
	for range 20 {
		found, err := r.Explorer(nil).Reproduce(t.Context(), schedule)
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, ev := range found.Ending.Events {
			if ev.Kind == effect.Logged {
				said += fmt.Sprintln(ev.At.Format("15:04"), ev.Body.Text)
			}
		}
		if first == "" {
			first = said
		}
		if said != first || said == "" {
			t.Fatalf("one run says\n%sand another\n%s", first, said)
		}
	}
}
