package databasetest

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// Kills is an op that is killed at moments before, within and after its change,
// over and over.
type Kills struct {
	Op string
	// Config is that of the processes which are killed.
	Config map[string]any
	// Longest is how long the first one lives at most; those after it live
	// shorter or longer, for changes that were made and some that were not. If
	// it is left out, one round ends unharmed, and half as long again is taken.
	Longest time.Duration
	// Rounds is how often at least, Most while all ended alike. Of an op that
	// can be had only once nothing is asked of the mixture.
	Rounds, Most int
	// Next prepares a round. there reports whether the change is there, once.
	Next func(t *testing.T) (key string, args map[string]any, there func() bool)
	// After, if given, looks at what a round left.
	After func(t *testing.T, key string)
}

// observer is a backend that can be asked what became of a call.
type observer interface {
	plugins.Backend
	plugins.Observer
}

// Run holds what Observe says after each kill against what is there. A
// repetition with the same key ends with the change made once.
func (k Kills) Run(t *testing.T, b observer) {
	random := rand.New(rand.NewPCG(7, uint64(len(k.Op))))
	seen := map[effect.Observed]int{}
	alike := func() bool { return seen[effect.Applied] == 0 || seen[effect.NotApplied] == 0 }
	// Migrations are several changes: the last may be there before it is known
	// that all of them are.
	longest, several := k.Longest, k.Op == "migrate"
	if longest == 0 {
		key, args, there := k.Next(t)
		began := time.Now()
		if _, err := b.Invoke(t.Context(), Request(t, k.Op, key, args)); err != nil || !several && !there() {
			t.Fatalf("%s unharmed: %v", key, err)
		}
		longest = time.Since(began) * 3 / 2
	}
	for n := 0; n < k.Rounds || alike() && n < k.Most; n++ {
		key, args, there := k.Next(t)
		req := Request(t, k.Op, key, args)
		switch {
		case n == 0:
		case seen[effect.NotApplied] == 0:
			longest = longest * 3 / 4
		case seen[effect.Applied] == 0:
			longest *= 2
		}
		delay := time.Duration(random.Int64N(int64(longest))) // any moment will do; none is waited for
		plugintest.Kill(t, b.Describe().Name, k.Config, req, func() { time.Sleep(delay) })
		got, err := b.Observe(t.Context(), req)
		if err != nil {
			t.Fatalf("observe %s: %v", key, err)
		}
		is := there()
		if !several && (got.State == effect.Applied) != is || several && got.State == effect.NotApplied && is {
			t.Fatalf("%s: observed %q, and the change is there: %t", key, got.State, is)
		}
		seen[got.State]++
		if got.State != effect.Applied {
			if _, err := b.Invoke(t.Context(), req); err != nil {
				t.Fatalf("again %s: %v", key, err)
			}
		}
		if !several && !there() {
			t.Fatalf("%s: the change is not there once", key)
		}
		if got, err := b.Observe(t.Context(), req); err != nil || got.State != effect.Applied {
			t.Fatalf("%s in the end: %+v, %v", key, got, err)
		}
		if k.After != nil {
			k.After(t, key)
		}
	}
	if k.Most > 1 && alike() {
		t.Errorf("all ended alike: %v", seen)
	}
	t.Logf("killed %v", seen)
}

// Made reports whether there is a file of a name that fits a pattern.
func Made(pattern string) func() bool {
	return func() bool { got, _ := filepath.Glob(pattern); return len(got) > 0 }
}

// Numbered returns what gives the keys of rounds: the op and a number that no
// other has.
func Numbered() func(op string) (key string, n int) {
	n := 0
	return func(op string) (string, int) { n++; return fmt.Sprintf("%s-%d", op, n), n }
}
