package simulate

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestRunsOnOneClockTakeTurns: what is due first goes on first, whichever run it
// is of; at one time the first run does; and one that has left keeps nobody
// waiting.
func TestRunsOnOneClockTakeTurns(t *testing.T) {
	start := time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)
	for range 20 {
		first := NewTimeline(start)
		second := first.Beside()
		var turns []string // only one run at a time writes it
		var group sync.WaitGroup
		run := func(name string, line *Timeline, begin time.Duration, waits ...time.Duration) {
			group.Go(func() {
				defer line.Leave()
				if err := line.Begin(t.Context(), start.Add(begin)); err != nil {
					t.Error(err)
				}
				line.Idle(0)
				for _, d := range waits {
					turns = append(turns, fmt.Sprint(name, " ", line.Now().Sub(start)))
					until := line.Now().Add(d)
					ready := make(chan error)
					go func() { ready <- line.Wait(withPlace(t.Context(), effect.Place("1")), until) }()
					line.Idle(1)
					if err := <-ready; err != nil {
						t.Error(err)
					}
					line.Idle(0)
				}
				turns = append(turns, fmt.Sprint(name, " ends ", line.Now().Sub(start)))
			})
		}
		run("second", second, time.Second, time.Second, time.Second)
		run("first", first, 0, time.Second, 2*time.Second, 5*time.Second)
		group.Wait()
		const want = "[first 0s first 1s second 1s second 2s first 3s second ends 3s first ends 8s]"
		if got := fmt.Sprint(turns); got != want {
			t.Fatalf("turns %s, want %s", got, want)
		}
	}
}

// TestWhoYieldsLetsAllOthersGoFirst: and goes on without a wait once nobody else is
// left, or when its time is up.
func TestWhoYieldsLetsAllOthersGoFirst(t *testing.T) {
	start := time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ up, other, want time.Duration }{
		{time.Hour, 10 * time.Minute, 10 * time.Minute},
		{5 * time.Minute, 10 * time.Minute, 5 * time.Minute},
	} {
		line := NewTimeline(start)
		errs := make(chan error, 2)
		seen := make(chan time.Duration, 1)
		go func() {
			err := line.Yield(t.Context(), start.Add(tt.up))
			seen <- line.Now().Sub(start)
			line.Idle(1) // it computes no more
			errs <- err
		}()
		go func() {
			err := line.Wait(t.Context(), start.Add(tt.other))
			line.Idle(1)
			errs <- err
		}()
		line.Idle(2)
		for range 2 {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		if got := <-seen; got != tt.want {
			t.Errorf("it goes on after %s, want %s", got, tt.want)
		}
	}
}
