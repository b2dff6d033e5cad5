package plugintest

import (
	"fmt"
	"math/rand/v2"
	"os"
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
// unasked, whose recovery is retry, is repeated whatever happened.
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
	// Moments says how often it is killed at a moment between, by chance.
	Moments int
	// Once says that the change can be had only once: it is not waited for, and
	// there is one moment, within Longest.
	Once    bool
	Longest time.Duration
	// Several says that the op makes several changes: the last may be there
	// before anybody can know that all of them are.
	Several bool
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
	seen[k.round(t, "before it began", effect.NotApplied, nil)]++
	longest, moments := k.Longest, k.Moments
	if k.Once {
		moments = 1
	} else {
		began := time.Now()
		seen[k.round(t, "when it had ended", effect.Applied, func(ended <-chan string) {
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
		seen[k.round(t, "after "+delay.String(), "", func(<-chan string) { time.Sleep(delay) })]++
	}
	t.Logf("%s, killed: %v", k.Op, seen)
}

// round kills one request; without await, before the backend is asked. want is
// what has to be observed, if that is known.
func (k Kills) round(t *testing.T, when string, want effect.Observed, await func(ended <-chan string)) effect.Observed {
	t.Helper()
	r := k.Next(t)
	if r.Key == "" {
		r.Key = fmt.Sprintf("%s-%d-%d", k.Op, os.Getpid(), rounds.Add(1))
	}
	req := Request(t, k.Module, k.Op, r.Key, r.Args)
	kill(t, order{k.Backend.Describe().Name, k.Config, req.Op, req.Key, req.Args, await == nil}, await)
	what := fmt.Sprintf("%s %s, killed %s", k.Op, r.Key, when)
	state := effect.Uncertain
	observer, observes := k.Backend.(plugins.Observer)
	if observes = observes && k.recovery(req) == effect.Observe; observes {
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
	if state != effect.Applied {
		again := req
		again.Attempt = 2
		if _, err := k.Backend.Invoke(t.Context(), again); err != nil {
			t.Fatalf("%s, and done again: %v", what, err)
		}
	}
	if r.There != nil && !k.Several && !r.There() {
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

// recovery is what the module declares of the op.
func (k Kills) recovery(req plugins.Request) effect.Recovery {
	for i := range k.Module.Ops {
		if k.Module.Ops[i].Name == req.Op {
			return k.Module.Ops[i].RecoveryFor(req.Args)
		}
	}
	return ""
}
