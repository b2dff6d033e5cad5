package script

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestSideBySideEachHasItsMemory: a script that keeps to its bound is not ended
// for what those hold that run beside it in the same process.
func TestSideBySideEachHasItsMemory(t *testing.T) {
	const scripts = 4
	runtime.GC()
	var all, done sync.WaitGroup
	all.Add(scripts)
	for i := range scripts {
		here := sync.OnceFunc(all.Done)
		r := &recorder{answer: func(_ context.Context, c effect.Call) (any, error) {
			if c.Op.String() == effect.OpSleep {
				here()
				all.Wait() // each holds what it has by now
			}
			return nil, nil
		}}
		s := newScript(t, `local t = {}
for i = 1, 24 do t[i] = ("x"):rep(1024 * 1024) .. i end
sleep(1)
local size = 0
for i = 1, 3000 do for _, text in ipairs(t) do size = size + #text end end`, r, func(o *Options) {
			o.Budget, o.Memory = time.Minute, 40<<20
		})
		done.Go(func() {
			if err := run(t, s); err != nil {
				t.Error(fmt.Errorf("script %d: %w", i, err))
				here()
			}
		})
	}
	done.Wait()
}

// TestOneThatWaitsAddsNoMemory: a test that simulates a run takes nothing until that
// has ended, so that the run has the bound that it has by itself.
func TestOneThatWaitsAddsNoMemory(t *testing.T) {
	if len(metered.by) > 0 {
		t.Fatalf("%d are still under way", len(metered.by))
	}
	begin := func(ctx context.Context) *meter {
		m := newMeter(ctx, time.Minute, 1<<20, nil)
		t.Cleanup(m.close)
		return m
	}
	test := begin(t.Context())
	within := context.WithValue(t.Context(), meterKey{}, test)
	one := begin(within)
	if got := one.beside.Load(); got != 1 {
		t.Errorf("a run within a test has the memory of %d", got)
	}
	other := begin(within)
	if a, b := one.beside.Load(), other.beside.Load(); a != 2 || b != 2 {
		t.Errorf("two runs side by side have the memory of %d and %d", a, b)
	}
}
