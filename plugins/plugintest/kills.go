package plugintest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// Kills is a write op whose backend is killed: when it has the request and has
// done nothing yet, when all is done and nobody has heard of it, and at moments
// between. What Observe says each time is held against the system, and what did
// not happen is done again, as a resume does; an op that is to be repeated
// unasked, whose recovery is retry, is repeated whatever happened. One that is
// had at most once, whose recovery is ask or forgo, is not repeated.
//
//	plugintest.Kills{Backend: b, Config: config, Module: db.Module(), Op: "backup", Moments: 3,
//		Next: func(t *testing.T) plugintest.Round { … }}.Run(t)
type Kills struct {
	// Backend is configured, and asked what became of what others did.
	Backend plugins.Backend
	// Config is that of the processes that are killed.
	Config map[string]any
	Module effect.Module
	Op     string
	// System is what Config points at, for the page that lists what was tried.
	System System
	// Moments says how often it is killed at a moment between, by chance.
	Moments int
	// Once says that the change can be had only once: it is not waited for, and
	// there is one moment, within Longest.
	Once    bool
	Longest time.Duration
	// Several says that the op makes several changes: the last may be there
	// before anybody can know that all of them are.
	Several bool
	// Stops, if given, configures a way to the system on which a change stops, and
	// held tells whether it has: it is killed there, before the system has the
	// change, and when that was made and nobody has heard of it.
	Stops func(t *testing.T, at At) (config map[string]any, held func() bool)
	// Next prepares a round.
	Next func(t *testing.T) Round
}

// Round is one request that is killed.
type Round struct {
	Key  string // one of its own if left out
	Args map[string]any
	// There reports whether the change is there, once and whole, by somebody
	// else than the backend. If it is left out, only the backend is asked.
	There func() bool
	// After, if given, looks at what the round left.
	After func()
}

var rounds atomic.Int64

// Run carries all rounds out.
func (k Kills) Run(t *testing.T) {
	t.Helper()
	seen := map[effect.Observed]int{}
	seen[k.round(t, "before it began", effect.NotApplied, k.Config, nil)]++
	longest, moments := k.Longest, k.Moments
	if k.Once {
		moments = 1
	} else {
		began := time.Now()
		seen[k.round(t, "when it had ended", effect.Applied, k.Config, func(ended <-chan string) {
			began = time.Now()
			if said := <-ended; said != endedWell {
				t.Fatalf("%s ended with %q", k.Op, said)
			}
			longest = time.Since(began)
		})]++
	}
	random := rand.New(rand.NewPCG(7, uint64(len(k.Op))))
	for range moments {
		delay := time.Duration(random.Int64N(int64(max(longest, 1)))) // any moment will do; none is waited for
		seen[k.round(t, "after "+delay.String(), "", k.Config, func(<-chan string) { time.Sleep(delay) })]++
	}
	if k.Stops != nil {
		for at, want := range map[At]effect.Observed{Before: effect.NotApplied, After: effect.Applied} {
			config, held := k.Stops(t, at)
			seen[k.round(t, string(at)+" the change", want, config, func(ended <-chan string) {
				Until(t, fmt.Sprintf("%s is held %s the change", k.Op, at), func() bool {
					select {
					case said := <-ended:
						t.Fatalf("%s %s the change: it was not held, and ended with %q", k.Op, at, said)
					default:
					}
					return held()
				})
			})]++
		}
	}
	t.Logf("%s, killed: %v", k.Op, seen)
	total := 0
	for _, n := range seen {
		total += n
	}
	Killed(t, k.Backend.Describe().Name, k.System, total)
}

// round kills one request; without await, before the backend is asked. want is
// what has to be observed, if that is known.
func (k Kills) round(t *testing.T, when string, want effect.Observed, config map[string]any, await func(ended <-chan string)) effect.Observed {
	t.Helper()
	r := k.Next(t)
	if r.Key == "" {
		r.Key = fmt.Sprintf("%s-%d-%d", k.Op, os.Getpid(), rounds.Add(1))
	}
	req := Request(t, k.Module, k.Op, r.Key, r.Args)
	kill(t, order{k.Backend.Describe().Name, config, req.Op, req.Key, req.Args, await == nil}, await)
	what := fmt.Sprintf("%s %s, killed %s", k.Op, r.Key, when)
	state, recovery := effect.Uncertain, k.recovery(req)
	once := recovery == effect.Ask || recovery == effect.Forgo // at most
	observer, observes := k.Backend.(plugins.Observer)
	if observes = observes && recovery == effect.Observe; observes {
		was := r.There != nil && r.There()
		got, err := observer.Observe(t.Context(), req)
		if err != nil {
			t.Fatalf("%s: observe: %v", what, err)
		}
		if state = got.State; want != "" && state != want {
			t.Fatalf("%s: observed %q, want %q", what, state, want)
		}
		if r.There != nil {
			is := r.There() // unlike before where the system was still at work
			if wrong := !k.Several && (state == effect.Applied) != is || k.Several && state == effect.NotApplied && is; wrong && is == was {
				t.Fatalf("%s: observed %q, and the change is there: %t", what, state, is)
			}
		}
	} else if r.There != nil && want != "" && r.There() != (want == effect.Applied) {
		t.Fatalf("%s: the change is there: %t", what, r.There())
	}
	if state != effect.Applied && !once {
		req.Attempt = 2
		if _, err := k.Backend.Invoke(t.Context(), req); err != nil {
			t.Fatalf("%s, and done again: %v", what, err)
		}
	}
	if r.There != nil && !k.Several && !once && !r.There() {
		t.Fatalf("%s: in the end the change is not there, once", what)
	}
	if observes {
		if got, err := observer.Observe(t.Context(), req); err != nil || got.State != effect.Applied {
			t.Fatalf("%s: in the end observed %+v, %v", what, got, err)
		}
	}
	if r.After != nil {
		r.After()
	}
	return state
}

// recovery is what the module declares of the op; what only reads is repeated.
func (k Kills) recovery(req plugins.Request) effect.Recovery {
	i := slices.IndexFunc(k.Module.Ops, func(op effect.Op) bool { return op.Name == req.Op })
	if op := &k.Module.Ops[i]; op.ClassFor(req.Args).Writes() {
		return op.RecoveryFor(req.Args)
	}
	return effect.Retry
}
