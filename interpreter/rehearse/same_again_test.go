package rehearse_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// toldOf is all that an exploration says that is the same whenever it is made.
func toldOf(x *simulate.Explored) string {
	var b strings.Builder
	fmt.Fprintln(&b, x.Schedules, x.Alike, x.Broken, x.Outcomes, x.Worst.Schedule, x.Worst.Recovery, x.Writes, x.Opaque)
	for _, f := range x.Failures {
		fmt.Fprintln(&b, f.Schedule, f.Ending.Status, f.Ending.Err, f.Broken, f.Timeline())
	}
	return b.String()
}

// TestSameAgain: an exploration says the same twice and with any number of workers,
// and each of its findings is shown again by its schedule alone.
func TestSameAgain(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/seeded/*.bug.lua")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	files = part(files, 6)
	shown := 0
	for _, path := range files {
		file := filepath.Base(path)
		want := ""
		for _, workers := range []int{1, 2, 2} {
			x := seededExplorer(t, file, func(simulate.Schedule) {})
			x.Alike, x.Workers = true, workers
			found, err := x.Explore(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := toldOf(found); want == "" {
				want = got
			} else if got != want {
				t.Errorf("%s: %d workers say\n%swhere one said\n%s", file, workers, got, want)
			}
			if workers != 1 {
				continue
			}
			for _, f := range found.Failures {
				s, err := simulate.ParseSchedule(f.Schedule.String(), x.Setup.Catalog)
				if err != nil {
					t.Fatal(err)
				}
				again, err := seededExplorer(t, file, func(simulate.Schedule) {}).Reproduce(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(again.Broken, f.Broken) || again.Ending.Status != f.Ending.Status {
					t.Errorf("%s, schedule %s: %v, found was %v", file, f.Schedule, again.Broken, f.Broken)
				}
				shown++
			}
		}
	}
	if shown < len(files) {
		t.Errorf("only %d findings in %d files", shown, len(files))
	}
}
