package script

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// perEffect is what each effect adds to the time that an execution may compute.
const perEffect = 5 * time.Millisecond

// maxPassed is how much may count between two looks: a process that was stopped
// for a while did not compute meanwhile.
const maxPassed = 50 * time.Millisecond

// started is what onProcessors counts from where nothing better can be had.
var started = time.Now()

// computing is how many scripts of this process run Lua at this moment. They
// share what the process has of the processors.
var computing atomic.Int64

// meter watches what a script uses: time that it computes, between two effects
// and in all, and growth of the heap. It looks every few milliseconds while Lua
// runs, and not at all while the script waits. Time is the script's own on a
// processor as far as the process can tell: on a machine that others keep busy a
// script gets as far as on an idle one. What allocates much at once asks
// it first (see branch.claim): between two looks a script cannot take more than
// the machine hands out in that time.
type meter struct {
	budget time.Duration
	memory uint64
	tick   time.Duration
	cancel context.CancelCauseFunc

	running atomic.Bool
	armed   atomic.Bool
	segment atomic.Uint64 // grows whenever Lua goes on after an effect

	mu     sync.Mutex // guards what follows
	timer  *time.Timer
	closed bool
	seen   uint64        // the segment of the last look
	last   time.Time     // when that was
	lastOn time.Duration // what the process had had of the processors then
	used   time.Duration // by the segment seen
	spent  time.Duration // by the execution
	base   uint64        // the heap when the execution began, in bytes
}

func newMeter(budget time.Duration, memory uint64, cancel context.CancelCauseFunc) *meter {
	m := &meter{budget: budget, memory: memory, cancel: cancel, base: heapBytes()}
	m.tick = min(max(budget/10, time.Millisecond), 2*time.Millisecond)
	return m
}

// resume says that Lua runs from here on.
func (m *meter) resume() {
	m.segment.Add(1)
	if !m.running.Swap(true) {
		computing.Add(1)
	}
	if !m.armed.Swap(true) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.arm()
	}
}

// pause says that no Lua runs from here on.
func (m *meter) pause() {
	if m.running.Swap(false) {
		computing.Add(-1)
	}
}

func (m *meter) arm() {
	switch {
	case m.closed:
	case m.timer == nil:
		m.timer = time.AfterFunc(m.tick, m.look)
	default:
		m.timer.Reset(m.tick)
	}
}

func (m *meter) close() {
	m.pause()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.timer != nil {
		m.timer.Stop()
	}
}

// look is what the timer calls.
func (m *meter) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	now, on, segment := time.Now(), onProcessors(), m.segment.Load()
	if !m.running.Load() {
		m.used = 0
		m.armed.Store(false)
		if m.running.Load() && !m.armed.Swap(true) { // it resumed in between
			m.arm()
		}
		return
	}
	passed := min(now.Sub(m.last), (on-m.lastOn)/time.Duration(max(1, computing.Load())), maxPassed)
	if m.spent += passed; segment == m.seen {
		m.used += passed
	} else {
		m.used = 0
	}
	m.seen, m.last, m.lastOn = segment, now, on
	switch {
	case m.used > m.budget:
		m.exhaust("the script computed for more than %s without an effect", effect.FormatDuration(m.budget))
	case m.spent > m.budget+time.Duration(segment)*perEffect:
		m.exhaust("the script computed for more than %s and %s for each of its effects", effect.FormatDuration(m.budget), effect.FormatDuration(perEffect))
	case m.grown(0):
		m.outgrown()
	default:
		m.arm()
	}
}

// grown reports whether the heap is beyond the bound, garbage not counted, or
// would be with so many bytes more.
func (m *meter) grown(more uint64) bool {
	if heapBytes()+more <= m.base+m.memory {
		return false
	}
	runtime.GC()
	return heapBytes()+more > m.base+m.memory
}

func (m *meter) outgrown() {
	m.exhaust("the script uses more than %d MiB of memory", m.memory>>20)
}

func (m *meter) exhaust(format string, args ...any) {
	m.cancel(&effect.Stop{Cause: effect.Exhausted, Err: fmt.Errorf(format, args...)})
}

// heapBytes returns what objects on the heap take, dead ones included that
// have not been swept, and the stacks of goroutines.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() + sample[1].Value.Uint64()
}
