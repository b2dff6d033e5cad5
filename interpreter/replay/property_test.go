package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// ledger is a real system that outlives runners: it knows what was done to it,
// by key.
type ledger struct {
	mu      sync.Mutex
	applied map[string]int
	random  *rand.Rand
}

// Do does what it is asked to, late by a random bit so that branches overtake
// each other.
func (l *ledger) Do(_ context.Context, call effect.Call) (effect.Result, error) {
	l.mu.Lock()
	pause := l.random.IntN(4)
	l.mu.Unlock()
	for range pause {
		runtime.Gosched()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	id := call.Key
	if call.Verb == effect.VerbObserve {
		if l.applied[id] > 0 {
			return effect.Result{Observed: effect.Applied, Value: "done " + string(call.Place)}, nil
		}
		return effect.Result{Observed: effect.NotApplied}, nil
	}
	if strings.HasSuffix(string(call.Place), "3") && call.Class == effect.Read {
		return effect.Result{}, effect.Errorf(effect.CodeConflict, "not at %s", call.Place)
	}
	if call.Class.Writes() && (call.Recovery != effect.Retry || l.applied[id] == 0) { // the key makes a retry harmless
		l.applied[id]++
	}
	return effect.Result{Value: "done " + string(call.Place)}, nil
}

// crashed returns the ledger as it is when the runner dies with this journal:
// of the writes under way, some were applied.
func crashed(events []effect.Event, random *rand.Rand) *ledger {
	l := &ledger{applied: map[string]int{}, random: random}
	done := map[effect.Place]bool{}
	for _, ev := range events {
		if ev.Kind == effect.EffectDone {
			done[ev.Place] = true
		}
	}
	for _, ev := range events {
		if key := ev.Body.Key; key != "" && (done[ev.Place] || random.IntN(2) == 0) {
			l.applied[key] = 1
		}
	}
	return l
}

// settledAs returns each effect's place, op, arguments and outcome, in the
// order of places: what a journal says, whatever the schedule was.
func settledAs(events []effect.Event) []string {
	ops, list := map[effect.Place]string{}, []string{}
	for _, ev := range events {
		b := ev.Body
		switch ev.Kind {
		case effect.EffectIntended, effect.TimerSet:
			ops[ev.Place] = b.Op + string(b.Args)
			continue
		case effect.EffectDone, effect.EffectFailed:
			if ops[ev.Place] == "" { // a read: its only event
				ops[ev.Place] = b.Op + string(b.Args)
			}
		case effect.EffectObserved, effect.EffectResolved:
			if b.Outcome == string(history.OutcomeNotApplied) {
				continue
			}
		}
		value := string(b.Value)
		if strings.HasPrefix(ops[ev.Place], "t.forgo") {
			value = "" // {} if its outcome was lost
		}
		list = append(list, fmt.Sprint(ev.Place, " ", ops[ev.Place], " ", value, " ", b.Error))
	}
	slices.Sort(list)
	return list
}

// carryOn walks the script to its end, with an operator who looks at the
// ledger when the run is parked.
func carryOn(t *testing.T, past []effect.Event, l *ledger, script []node) (*rig, []string) {
	t.Helper()
	for range 50 {
		r := newRig(t, past, func(o *replay.Options) { o.Next = l })
		trace, stop := perform(t.Context(), r, script)
		if stop == nil {
			r.finish()
			return r, trace
		}
		var u *replay.Unknown
		if !errors.As(stop, &u) {
			t.Fatalf("stopped for %s: %v\nscript %v\npast:\n  %s", stop.Cause, stop, script, strings.Join(text(past), "\n  "))
		}
		word := effect.Body{Outcome: string(history.OutcomeNotApplied)}
		if l.applied[replay.Key("run-1", u.Place)] > 0 {
			word = effect.Body{Outcome: string(history.OutcomeApplied), Value: []byte(fmt.Sprintf("%q", "done "+u.Place))}
		}
		past = append(r.journal.all(), effect.Event{Kind: effect.EffectResolved, Place: u.Place, Body: word})
	}
	t.Fatal("the run is parked over and over")
	return nil, nil
}

// Random scripts are run, their journal is cut at every place as by a crash,
// and the rest is carried on. Nothing is lost, nothing is done twice, and the
// journal says the same in the end. Where what branches do depends on what
// others did before, the schedule beyond the cut may differ, but a replay of
// the final journal sees exactly what the run saw.
func TestCutAnywhereAndCarryOn(t *testing.T) {
	scripts := 40
	if testing.Short() {
		scripts = 10
	}
	for seed := range scripts {
		for _, shared := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d shared=%v", seed, shared), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(seed), 7))
				script := grow(random, 4+random.IntN(10), 2, shared)
				whole, _ := carryOn(t, nil, crashed(nil, random), script)
				events := whole.journal.all()
				for cut := range len(events) + 1 {
					l := crashed(events[:cut], random)
					r, trace := carryOn(t, events[:cut], l, script)
					if !shared {
						same(t, fmt.Sprintf("journal of %v cut at %d", script, cut), settledAs(r.journal.all()), settledAs(events))
					}
					checkLedger(t, l, r.journal.all())

					reader := newRig(t, r.journal.all(), func(o *replay.Options) { o.Next, o.Journal = l, nil })
					again, stop := perform(t.Context(), reader, script)
					if stop != nil {
						t.Fatalf("replay of %v cut at %d: %v", script, cut, stop)
					}
					same(t, fmt.Sprintf("what %v saw, cut at %d", script, cut), again, trace)
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// checkLedger verifies that each intended write was applied once, and messages
// that nobody asks about once at most.
func checkLedger(t *testing.T, l *ledger, events []effect.Event) {
	t.Helper()
	for _, ev := range events {
		key := ev.Body.Key
		if key == "" {
			continue
		}
		n := l.applied[key]
		if n > 1 || n == 0 && ev.Body.Recovery != effect.Forgo {
			t.Errorf("%s at %s was applied %d times", ev.Body.Op, ev.Place, n)
		}
	}
}
