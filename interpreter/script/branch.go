package script

import (
	"fmt"
	"runtime"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// scope numbers the effects of one branch or composite.
type scope struct {
	prefix         effect.Place // "" for the main chunk
	effects, marks int
}

func (c *scope) next() effect.Place {
	c.effects++
	return c.prefix.Effect(c.effects)
}

func (c *scope) nextMark() effect.Place {
	c.marks++
	return c.prefix.Mark(c.marks)
}

// branch is one line of control in Lua, with a goroutine of its own. The main
// chunk is a branch like any other. Unless said otherwise its members belong to its
// goroutine.
type branch struct {
	execution *execution
	parent    *branch
	name      string
	scope     scope
	fn        lua.LValue
	args      []lua.LValue
	where     effect.Position // of the parallel{} that started it
	rollback  bool
	steps     []string // the steps it is in, outermost first
	loading   []string // the modules it is loading
	hours     *hours   // in which its steps are to begin; nil for any

	turn    chan struct{} // told when the branch may run Lua
	away    bool          // inside Handler.Do; guarded by scheduler.mu
	pending int           // children that have not ended; guarded by scheduler.mu
	effect  *settlement   // the effect that it waits for; guarded by scheduler.mu

	group   *group // the parallel{} that it is a branch of
	within  *group // the parallel{} that it waits for
	doomed  bool   // one beside it has failed: it ends before its next effect; written under scheduler.mu
	early   bool   // it does so now
	stopped bool   // it has, or never began; guarded by scheduler.mu while it may run
	ended   bool   // it came to its end, or was stopped; guarded by scheduler.mu

	thread  *lua.LState                 // what coroutine.running compares with
	current *lua.LState                 // the running coroutine, while the branch does not run
	outer   map[*lua.LState]*lua.LState // thread of a protected call → the thread that made it
	free    []*lua.LState               // clean threads for the next protected call
	nesting int
	rethrow *trace // the origin of the error about to be raised again

	wrote   int  // writes that have changed something, or may have
	judging bool // an invariant is being asked; it may not have effects

	results []lua.LValue
	failure *failure
}

func (x *execution) newBranch(parent *branch, place effect.Place, name string, fn lua.LValue) *branch {
	b := &branch{execution: x, parent: parent, name: name, scope: scope{prefix: place}, fn: fn,
		turn: make(chan struct{}, 1), outer: map[*lua.LState]*lua.LState{}, thread: x.script.newThread()}
	b.current = b.thread
	x.alive.Add(1)
	if parent != nil {
		b.rollback, b.hours = parent.rollback, parent.hours
		b.steps = append(b.steps, parent.steps...)
	}
	return b
}

// String names the branch for messages.
func (b *branch) String() string {
	if b.parent == nil {
		return "the main script"
	}
	return fmt.Sprintf("branch %q", b.name)
}

// run is the branch's goroutine.
func (b *branch) run() {
	ended := false
	defer b.execution.alive.Add(-1)
	defer func() { b.execution.scheduler.exit(b, ended) }()
	b.await()
	if b.doomed { // before it began
		b.early = true
		b.execution.meter.pause()
		return
	}
	b.results, b.failure = b.try(b.thread, b.fn, b.args...)
	if b.parent != nil {
		args := map[string]any{"name": b.name}
		if b.failure != nil {
			args["error"] = shortened(b.failure.text())
		}
		if _, err := b.note(effect.OpBranchLeft, b.scope.prefix, b.where, args); err != nil && b.failure == nil {
			b.failure = &failure{value: b.execution.script.errorTable(err, nil), trace: &trace{}}
		}
		b.group.left(b)
	}
	b.execution.meter.pause()
	ended = true
}

// await waits for the scheduler to let the branch run.
func (b *branch) await() {
	select {
	case <-b.turn:
	case <-b.execution.scheduler.over:
		runtime.Goexit()
	}
	s := b.execution.script
	s.cur = b
	s.base.G.CurrentThread = b.current
	b.execution.meter.resume()
	b.check(nil)
}

// depart makes ready for letting go of the turn.
func (b *branch) depart() {
	b.current = b.execution.script.base.G.CurrentThread
	b.execution.meter.pause()
}

// check ends the branch if the script has been stopped. Every function of the
// host begins with it; L may be nil.
func (b *branch) check(L *lua.LState) {
	s := b.execution.script
	switch {
	case s.lua.Err() != nil:
		b.halt(L)
	case b.execution.ctx.Err() != nil:
		b.stop(stopOf(b.execution.ctx))
	}
}

// halt ends the branch for the reason for which Lua was canceled.
func (b *branch) halt(L *lua.LState) {
	stop := stopOf(b.execution.script.lua)
	if stop.Cause == effect.Exhausted {
		if L == nil {
			L = b.current
		}
		at := b.position(L)
		if at.File == "" { // it has not begun
			at = b.where
		}
		stop = &effect.Stop{Cause: stop.Cause, Err: fmt.Errorf("%s: %w", at, stop.Err)}
	}
	b.stop(stop)
}

// stop ends the branch, which holds the turn, and unless the stop only suspends
// it the whole script. No Lua construct can catch it: the goroutine ends.
func (b *branch) stop(stop *effect.Stop) {
	b.execution.scheduler.stop(b, stop)
	if !stop.Cause.Suspends() {
		b.execution.cancel(stop)
	}
	b.execution.meter.pause()
	runtime.Goexit()
}

// try calls fn in a Lua thread of its own and returns its results or its
// failure. The thread is what makes an error harmless to its surroundings:
// gopher-lua closes all upvalues of the thread that an error passes through,
// those of the frames that go on included.
func (b *branch) try(L *lua.LState, fn lua.LValue, args ...lua.LValue) (results []lua.LValue, fault *failure) {
	s := b.execution.script
	if b.nesting >= maxNesting {
		b.fail(L, "a function calls itself without end, or nests protected calls too deeply", "stack overflow")
	}
	thread := b.takeThread()
	running := s.base.G.CurrentThread
	b.outer[thread] = L
	b.nesting++
	returned := false
	defer func() {
		delete(b.outer, thread)
		b.nesting--
		if returned {
			return
		}
		p := recover()
		if p == nil {
			return // the goroutine is ending
		}
		s.base.G.CurrentThread = running
		b.check(L)
		if fault = failureOf(p, thread); fault.overflow {
			fault.at(b.stack(thread))
		}
	}()
	thread.Push(fn)
	for _, a := range args {
		thread.Push(a)
	}
	thread.Call(len(args), lua.MultRet)
	returned = true
	for i := 1; i <= thread.GetTop(); i++ {
		results = append(results, thread.Get(i))
	}
	thread.SetTop(0)
	b.free = append(b.free, thread)
	return results, nil
}

func (b *branch) takeThread() *lua.LState {
	if n := len(b.free); n > 0 {
		thread := b.free[n-1]
		b.free = b.free[:n-1]
		return thread
	}
	return b.execution.script.newThread()
}

// newThread returns a thread that can be canceled and whose errors carry their
// origin.
func (s *Script) newThread() *lua.LState {
	if thread := s.eval.spareThread(); thread != nil {
		return thread
	}
	thread, _ := s.base.NewThread()
	thread.SetContext(s.lua)
	thread.Panic = s.onRaise
	return thread
}
