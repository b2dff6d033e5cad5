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

// maxAhead is how far the clock and the time on processors may part and be taken
// for steps in which they are told, and not for a wait or the work of others.
const maxAhead = 10 * time.Millisecond

// started is what onProcessors counts from where nothing better can be had.
var started = time.Now()

// computing is how many scripts of this process run Lua at this moment. They
// share what the process has of the processors.
var computing atomic.Int64

// metered are the executions of this process that are under way. The heap is
// theirs together, with the records that simulated runs keep in memory.
var metered struct {
	sync.Mutex
	by map[*meter]bool
}

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
	depth  int // how many executions wait for this one, and take nothing meanwhile: a test for the run that it simulates
	tick   time.Duration
	cancel context.CancelCauseFunc

	running atomic.Bool
	armed   atomic.Bool
	segment atomic.Uint64 // grows whenever Lua goes on after an effect
	beside  atomic.Uint64 // the most executions that were under way at once since this one began

	mu     sync.Mutex // guards what follows
	timer  *time.Timer
	closed bool
	seen   uint64        // the segment of the last look
	last   time.Time     // when that was
	lastOn time.Duration // what the process had had of the processors then
	wall   time.Duration // that passed beyond what counted
	on     time.Duration // likewise, on processors
	used   time.Duration // by the segment seen
	spent  time.Duration // by the execution
	base   uint64        // the heap when the execution began, in bytes
}

// newMeter makes the meter of an execution that ctx asks for, which is the context
// of another where that one waits for it.
func newMeter(ctx context.Context, budget time.Duration, memory uint64, cancel context.CancelCauseFunc) *meter {
	m := &meter{budget: budget, memory: memory, cancel: cancel, base: readHeap().held}
	if waits, ok := ctx.Value(meterKey{}).(*meter); ok {
		m.depth = waits.depth + 1
	}
	m.tick = min(max(budget/10, time.Millisecond), 2*time.Millisecond)
	metered.Lock()
	defer metered.Unlock()
	if metered.by == nil {
		metered.by = map[*meter]bool{}
	}
	metered.by[m] = true
	for other := range metered.by {
		other.beside.Store(max(other.beside.Load(), uint64(len(metered.by)-other.depth)))
	}
	return m
}

// meterKey is the key of the meter of the execution that a context belongs to.
type meterKey struct{}

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
	metered.Lock()
	defer metered.Unlock()
	delete(metered.by, m)
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
	passed := m.passed(now.Sub(m.last), (on-m.lastOn)/time.Duration(max(1, computing.Load())))
	if m.spent += passed; segment == m.seen {
		m.used += passed
	} else {
		m.used = 0
	}
	m.seen, m.last, m.lastOn = segment, now, on
	grown := m.used <= m.budget && m.grown(0)
	m.collected()
	switch {
	case grown:
		m.outgrown()
	case m.used > m.budget:
		m.exhaust("the script computed for more than %s without an effect", effect.FormatDuration(m.budget))
	case m.spent > m.budget+time.Duration(segment)*perEffect:
		m.exhaust("the script computed for more than %s and %s for each of its effects", effect.FormatDuration(m.budget), effect.FormatDuration(perEffect))
	default:
		m.arm()
	}
}

// collected counts what a collection took that the look began: the more a script
// holds the longer that takes, and it would hold ever more meanwhile.
func (m *meter) collected() {
	now, on := time.Now(), onProcessors()
	took := min(now.Sub(m.last), (on-m.lastOn)/time.Duration(max(1, computing.Load())))
	if took > maxPassed { // less is counted by the next look
		m.used, m.spent = m.used+took, m.spent+took
		m.last, m.lastOn = now, on
	}
}

// passed returns how much of the time since the last look counts: what passed, and
// no more than the script's part of the processors. Both come in steps of a few
// milliseconds; what one has ahead of the other counts when that follows.
func (m *meter) passed(wall, on time.Duration) time.Duration {
	m.wall, m.on = m.wall+min(wall, maxPassed), m.on+min(on, maxPassed)
	passed := min(m.wall, m.on)
	m.wall, m.on = min(m.wall-passed, maxAhead), min(m.on-passed, maxAhead)
	return passed
}

// grown reports whether the heap is beyond the bound, garbage not counted, or
// would be with so many bytes more. Nobody can tell whose an object is, so those
// that run side by side have the sum of their bounds: one that keeps to its own is
// never ended for what another holds. What an execution leaves behind counts as
// long as one lasts that was there with it.
func (m *meter) grown(more uint64) bool {
	bound := m.base + m.memory*m.beside.Load()
	before := readHeap()
	if before.held+more <= bound {
		return false
	}
	runtime.GC()
	// What is allocated while the collector works counts as live, also what is
	// garbage at once: up to as much again as is live on a busy machine.
	after := readHeap()
	return after.held+more > bound+(after.allocated-before.allocated)
}

func (m *meter) outgrown() {
	m.exhaust("the script uses more than %d MiB of memory", m.memory>>20)
}

func (m *meter) exhaust(format string, args ...any) {
	m.cancel(&effect.Stop{Cause: effect.Exhausted, Err: fmt.Errorf(format, args...)})
}

// heap is what the heap of the process comes to.
type heap struct {
	held      uint64 // bytes of objects, dead ones included that have not been swept, and of stacks
	allocated uint64 // bytes of all objects since the process began
}

func readHeap() heap {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return heap{sample[0].Value.Uint64() + sample[1].Value.Uint64(), sample[2].Value.Uint64()}
}
