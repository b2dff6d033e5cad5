package interpreter_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestKillTheResume kills a runner at telling places, then the resume at every
// boundary of its own, and lets a third go on.
func TestKillTheResume(t *testing.T) {
	calm := newJob(t, "every.lua", "names.lua")
	calm.Params, calm.Hold = map[string]any{"fail": true}, time.Hour
	points := calm.must(t).Points
	_, events := calm.history(t)
	want := tell(t, events)
	for _, place := range []string{
		"after effect.intended 5 ",        // an unknown outcome that is asked about
		"before effect.done 12.c.1 ",      // among branches, applied
		"before effect.intended r1.1.2",   // in the rollback
		"inside a transaction",            // the run does not exist yet
		"before effect.failed 25 ",        // the failure itself
		"after rollback.started rolling_", // before its first effect
	} {
		t.Run(place, func(t *testing.T) {
			at := 0
			for i, p := range points {
				if at == 0 && named(p, place) {
					at = i + 1
				}
			}
			if at == 0 {
				t.Fatalf("there is no such point in %s", strings.Join(points, "\n"))
			}
			killed := 0
			for second := 1; ; second += stride(8, 20) {
				if !killTwice(t, at, second, want) {
					break
				}
				killed++
			}
			t.Logf("the resume was killed at %d boundaries", killed)
		})
	}
}

// killTwice returns false when the resume was over before the point.
func killTwice(t *testing.T, first, second int, want story) bool {
	t.Helper()
	j := newJob(t, "every.lua", "names.lua")
	j.Params, j.Hold = map[string]any{"fail": true}, time.Hour
	j.At, j.How = first, "kill"
	if _, killed := j.start(t).wait(); !killed {
		t.Fatal("the runner was not killed")
	}
	next := j.again(t)
	next.At, next.How = second, "kill"
	r, killed := next.start(t).wait()
	if killed {
		r = j.again(t).must(t)
	}
	if r.Status != effect.StatusRolledBack {
		t.Errorf("killed at %d, then at %d, the run is %s: %s", first, second, r.Status, r.Err)
	}
	_, events := j.history(t)
	j.book().must(t).audit(t, everyItems(true), 2)
	got := tell(t, events)
	got.compare(t, want)
	checkSchedule(t, got, events)
	if t.Failed() {
		t.Fatalf("killed at %d, then at %d", first, second)
	}
	return killed
}

// TestStorm kills runner after runner at random moments until the run ends.
func TestStorm(t *testing.T) {
	for _, fail := range []bool{false, true} {
		t.Run(fmt.Sprintf("fail=%v", fail), func(t *testing.T) {
			calm := newJob(t, "every.lua", "names.lua")
			calm.Params = map[string]any{"fail": fail}
			begun := time.Now()
			status := calm.must(t).Status
			took := time.Since(begun)
			_, events := calm.history(t)
			want := tell(t, events)
			for range 12 / stride(4, 12) {
				storm(t, fail, status, took, want)
			}
		})
	}
}

func storm(t *testing.T, fail bool, status effect.Status, took time.Duration, want story) {
	t.Helper()
	const rounds = 20
	j := newJob(t, "every.lua", "names.lua")
	j.Params = map[string]any{"fail": fail}
	kills := 0
	var moments []string
	for kills < rounds {
		var after <-chan time.Time
		if rand.N(4) == 0 {
			moment := took/4 + rand.N(took)
			after = time.After(moment)
			moments = append(moments, moment.Round(time.Millisecond).String())
		} else { // a boundary soon: the run comes forward in small steps
			j.At, j.How = 1+rand.N(14), "kill"
			moments = append(moments, fmt.Sprint(j.At))
		}
		p := j.start(t)
		select {
		case <-p.done:
		case <-after:
			p.signal(syscall.SIGKILL)
		}
		r, killed := p.wait()
		j = j.again(t)
		if !killed {
			if r.Status != status {
				t.Fatalf("after %d kills (%v) the run is %s: %s", kills, moments, r.Status, r.Err)
			}
			break
		}
		kills++
	}
	if r := j.must(t); r.Status != status {
		t.Errorf("after %d kills the run is %s: %s", kills, r.Status, r.Err)
	}
	_, events := j.history(t)
	j.book().must(t).audit(t, everyItems(fail), kills)
	got := tell(t, events)
	got.compare(t, want)
	checkSchedule(t, got, events)
	t.Logf("%d kills, after %v", kills, moments)
}
