package simulate_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// long is a run of n writes that goes on whatever fails.
func long(t testing.TB, n int) toy {
	r := toy{t: t, bold: true}
	for range n {
		r.steps = append(r.steps, "street.toggle a")
	}
	return r
}

// tried is a Runner that several workers may share and that notes what they try.
type tried struct {
	simulate.Runner
	mu   sync.Mutex
	ids  []string
	each func(n int) // called before the n-th
}

func (r *tried) Rehearse(ctx context.Context, w *simulate.World, s simulate.Schedule) (simulate.Ending, error) {
	r.mu.Lock()
	r.ids = append(r.ids, s.String())
	n := len(r.ids)
	r.mu.Unlock()
	if r.each != nil {
		r.each(n)
	}
	return r.Runner.Rehearse(ctx, w, s)
}

// TestALimitIsSpread: what is tried lies spread over the run and its pairs, none
// twice, the same with any number of workers, and the rest is counted.
func TestALimitIsSpread(t *testing.T) {
	const writes = 6
	all := explore(t, simulate.Explorer{Runner: long(t, writes), Setup: toySetup(t), Depth: 2})
	if !reflect.DeepEqual(all.Left, simulate.Left{}) {
		t.Fatalf("without a bound something was left: %s", all.Left)
	}
	for _, limit := range []int{1, 2, 7, 30, 31, 32, 100, all.Schedules - 1, all.Schedules} {
		var first *simulate.Explored
		for _, workers := range []int{1, 4} {
			r := &tried{Runner: long(t, writes)}
			found := explore(t, simulate.Explorer{Runner: r, Setup: toySetup(t), Depth: 2, Limit: limit, Workers: workers})
			if found.Schedules != limit || len(r.ids) != limit {
				t.Fatalf("limit %d: %d schedules, %d tried", limit, found.Schedules, len(r.ids))
			}
			slices.Sort(r.ids)
			if twice := slices.Compact(slices.Clone(r.ids)); len(twice) != len(r.ids) {
				t.Errorf("limit %d: something is tried twice", limit)
			}
			if singles := 1 + 5*writes; limit >= singles && limit+found.Left.Schedules != all.Schedules {
				t.Errorf("limit %d: %d are left of %d", limit, found.Left.Schedules, all.Schedules)
			}
			if (found.Left.Why == "") != (limit == all.Schedules) {
				t.Errorf("limit %d: left %+v", limit, found.Left)
			}
			if first == nil {
				first = found
			} else if !reflect.DeepEqual(found.Outcomes, first.Outcomes) || !reflect.DeepEqual(found.Left, first.Left) {
				t.Errorf("limit %d: %d workers found %v, %+v; one found %v, %+v", limit, workers, found.Outcomes, found.Left, first.Outcomes, first.Left)
			}
		}
	}
	r := &tried{Runner: long(t, writes)}
	explore(t, simulate.Explorer{Runner: r, Setup: toySetup(t), Limit: 7})
	for n := 1; n <= writes; n++ {
		if !slices.ContainsFunc(r.ids, func(id string) bool { return strings.HasPrefix(id, fmt.Sprintf("%d:", n)) }) {
			t.Errorf("no fault strikes effect %d: %v", n, r.ids)
		}
	}
}

// TestTimeAndInterruptsAreSaid: what was found until then comes back.
func TestTimeAndInterruptsAreSaid(t *testing.T) {
	const enough = 7
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &tried{Runner: long(t, 5), each: func(n int) {
		if n > enough {
			cancel()
		}
	}}
	found, err := (&simulate.Explorer{Runner: r, Setup: toySetup(t), Depth: 2}).Explore(ctx)
	if err != nil {
		t.Fatal(err)
	}
	left := simulate.Left{Schedules: 1 + 5*5 - enough, First: simulate.Schedule{{Place: "2", Kind: simulate.TimedOut}}, Pairs: true, Why: "interrupted"}
	if found.Schedules != enough || !reflect.DeepEqual(found.Left, left) {
		t.Errorf("%d schedules, left %+v, want %+v", found.Schedules, found.Left, left)
	}
	if text := found.Left.String(); text != "19 more were not (the first is 2:timeout), nor any further pair of faults" {
		t.Error(text)
	}
	r = &tried{Runner: long(t, 5), each: func(n int) {
		if n > 1 { // the run without a fault is always made
			<-time.After(2 * time.Millisecond)
		}
	}}
	found = explore(t, simulate.Explorer{Runner: r, Setup: toySetup(t), Within: time.Millisecond})
	if found.Left.Why != "time" || found.Schedules >= 26 || found.Schedules+found.Left.Schedules != 26 {
		t.Errorf("%d schedules, left %+v", found.Schedules, found.Left)
	}
}

// TestOneTrialIsKeptForEachWayToBreak, the first, however many break it and in
// whichever order the workers come.
func TestOneTrialIsKeptForEachWayToBreak(t *testing.T) {
	odd := effect.Invariant{Name: "odd", End: func(v *effect.View, _ effect.Ending) string {
		if v.State("street")["a"] == true {
			return ""
		}
		return "a is off"
	}}
	calm := effect.Invariant{Name: "calm", After: func(_ *effect.View, e effect.Occurrence) string {
		if e.Again {
			return "again"
		}
		return ""
	}}
	want := ""
	for _, workers := range []int{1, 3, 8} {
		found := explore(t, simulate.Explorer{Runner: long(t, 21), Setup: toySetup(t, odd, calm), Workers: workers})
		if found.Broken < 40 || len(found.Failures) > 3 || len(found.Failures) == 0 {
			t.Fatalf("%d broke an invariant, %d are kept: %v", found.Broken, len(found.Failures), ids(found))
		}
		if got := strings.Join(ids(found), " "); want == "" {
			want = got
		} else if got != want {
			t.Errorf("%d workers keep %s, one keeps %s", workers, got, want)
		}
	}
}
