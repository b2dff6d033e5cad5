package report

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestReadsTakeTime: a read stands in the record once it is over; the time since
// its line of control did something else, or since a runner took the run up, is its.
func TestReadsTakeTime(t *testing.T) {
	b := &book{}
	read := func(at float64, place string) {
		b.add(at, effect.EffectDone, place, effect.Body{Op: "exec.run", Class: effect.Read})
	}
	b.add(0, effect.RunCreated, "", effect.Body{Name: "tests"})
	b.add(0, effect.StatusChanged, "", effect.Body{Status: effect.StatusRunning})
	read(600, "1")
	b.add(600, effect.StepEntered, "~1", effect.Body{Name: "both"})
	b.add(600, effect.ParallelStarted, "2", effect.Body{Args: json.RawMessage(`{"branches":["2.x","2.y"],"fail_fast":true,"limit":0}`)})
	read(610, "2.x.1")
	b.add(610, effect.BranchLeft, "2.x", effect.Body{Name: "x"})
	read(640, "2.y.1")
	read(700, "2.y.2")
	b.add(700, effect.BranchLeft, "2.y", effect.Body{Name: "y"})
	b.add(700, effect.StepLeft, "~2", effect.Body{Name: "both"})
	b.add(5000, effect.StatusChanged, "", effect.Body{Status: effect.StatusRunning, By: "ann"}) // the runner had died
	read(5030, "3")
	b.add(5030, effect.StepEntered, "~3", effect.Body{Name: "two at once"})
	b.add(5030, effect.ParallelStarted, "4", effect.Body{Args: json.RawMessage(`{"branches":["4.a","4.b","4.c"],"fail_fast":true,"limit":2}`)})
	read(5040, "4.a.1")
	read(5050, "4.b.1")
	b.add(5050, effect.BranchLeft, "4.b", effect.Body{Name: "b"}) // which lets c begin
	read(5055, "4.c.1")
	b.add(5055, effect.BranchLeft, "4.c", effect.Body{Name: "c"})
	b.add(5055, effect.BranchLeft, "4.a", effect.Body{Name: "a"})
	b.add(5055, effect.StepLeft, "~4", effect.Body{Name: "two at once"})
	b.add(5055, effect.StatusChanged, "", effect.Body{Status: effect.StatusSucceeded})
	r := made(t, b, nil)
	var got []string
	for _, row := range r.Timeline.Rows {
		for _, bar := range row.Bars {
			if bar.What == Work {
				got = append(got, fmt.Sprintf("%s %v-%v", row.Name, bar.From.Sub(zero).Seconds(), bar.To.Sub(zero).Seconds()))
			}
		}
	}
	if want := "[both 600-610 both 600-640 both 640-700 two at once 5030-5040 two at once 5030-5050 two at once 5050-5055 outside of steps 0-600 outside of steps 5000-5030]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	for _, share := range r.Times {
		if share.What == Work && share.Seconds != 755 {
			t.Errorf("work took %v s, want 755", share.Seconds)
		}
	}
}
