package report

import (
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
	b.add(600, effect.ParallelStarted, "2", effect.Body{})
	read(610, "2.x.1")
	b.add(610, effect.BranchLeft, "2.x", effect.Body{Name: "x"})
	read(640, "2.y.1")
	read(700, "2.y.2")
	b.add(700, effect.BranchLeft, "2.y", effect.Body{Name: "y"})
	b.add(700, effect.StepLeft, "~2", effect.Body{Name: "both"})
	b.add(5000, effect.StatusChanged, "", effect.Body{Status: effect.StatusRunning, By: "ann"}) // the runner had died
	read(5030, "3")
	b.add(5030, effect.StatusChanged, "", effect.Body{Status: effect.StatusSucceeded})
	r := made(t, b, nil)
	var got []string
	for _, row := range r.Timeline.Rows {
		for _, bar := range row.Bars {
			if bar.What == Work {
				got = append(got, fmt.Sprintf("%s %v-%v", row.Name, bar.From.Sub(zero).Seconds(), bar.To.Sub(zero).Seconds()))
			}
		}
	}
	if want := "[both 600-610 both 600-640 both 640-700 outside of steps 0-600 outside of steps 5000-5030]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	for _, share := range r.Times {
		if share.What == Work && share.Seconds != 730 {
			t.Errorf("work took %v s, want 730", share.Seconds)
		}
	}
}
