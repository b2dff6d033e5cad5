package script

import (
	"fmt"
	"runtime"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// maxNesting bounds protected calls and coroutines inside each other, each of
// which takes a Lua thread and a part of the goroutine's stack.
const maxNesting = 150

// scope numbers the effects of one branch or composite.
type scope struct {
	prefix         string // "" for the main chunk
	effects, marks int
}

func (c *scope) next() string {
	c.effects++
	return c.join(strconv.Itoa(c.effects))
}

func (c *scope) nextMark() string {
	c.marks++
	return c.join("~" + strconv.Itoa(c.marks))
}

func (c *scope) join(name string) string {
	if c.prefix == "" {
		return name
	}
	return c.prefix + "." + name
}

// branch is one strand of Lua with a goroutine of its own. The main chunk is a
// branch like any other. Unless said otherwise its members belong to its
// goroutine.
type branch struct {
	walk     *walk
	parent   *branch
	name     string
	scope    scope
	fn       lua.LValue
	args     []lua.LValue
	where    effect.Position // of the parallel{} that started it
	rollback bool
	steps    []string // the steps it is in, outermost first
	loading  []string // the modules it is loading

	turn    chan struct{} // the baton arrives here
	away    bool          // inside Handler.Do; guarded by baton.mu
	pending int           // children that have not ended; guarded by baton.mu

	thread  *lua.LState                 // what coroutine.running compares with
	current *lua.LState                 // the running coroutine, while the branch has not the baton
	outer   map[*lua.LState]*lua.LState // thread of a protected call → the thread that made it
	free    []*lua.LState               // clean threads for the next protected call
	nesting int
	rethrow *trace // the origin of the error about to be raised again

	judging bool // an invariant is being asked; it may not have effects

	results []lua.LValue
	failure *failure
}

func (w *walk) newBranch(parent *branch, place, name string, fn lua.LValue) *branch {
	b := &branch{walk: w, parent: parent, name: name, scope: scope{prefix: place}, fn: fn,
		turn: make(chan struct{}, 1), outer: map[*lua.LState]*lua.LState{}, thread: w.script.newThread()}
	b.current = b.thread
	if parent != nil {
		b.rollback = parent.rollback
		b.steps = append(b.steps, parent.steps...)
	}
	return b
}

// run is the branch's goroutine.
func (b *branch) run() {
	ended := false
	defer func() { b.walk.baton.exit(b, ended) }()
	b.await()
	b.results, b.failure = b.try(b.thread, b.fn, b.args...)
	if b.parent != nil {
		args := map[string]any{"name": b.name}
		if b.failure != nil {
			args["error"] = b.failure.text()
		}
		if err := b.note(effect.OpBranchLeft, b.scope.prefix, b.where, args); err != nil && b.failure == nil {
			b.failure = &failure{value: b.walk.script.errorTable(err, nil), trace: &trace{}}
		}
	}
	b.walk.meter.pause()
	ended = true
}

// await waits for the baton.
func (b *branch) await() {
	select {
	case <-b.turn:
	case <-b.walk.baton.over:
		runtime.Goexit()
	}
	s := b.walk.script
	s.cur = b
	s.base.G.CurrentThread = b.current
	b.walk.meter.resume()
	b.check(nil)
}

// depart makes ready for letting go of the baton.
func (b *branch) depart() {
	b.current = b.walk.script.base.G.CurrentThread
	b.walk.meter.pause()
}

// check ends the branch if the script has been stopped. Every function of the
// host begins with it; L may be nil.
func (b *branch) check(L *lua.LState) {
	s := b.walk.script
	switch {
	case s.lua.Err() != nil:
		b.halt(L)
	case b.walk.ctx.Err() != nil:
		b.stop(stopOf(b.walk.ctx))
	}
}

// halt ends the branch for the reason for which Lua was canceled.
func (b *branch) halt(L *lua.LState) {
	stop := stopOf(b.walk.script.lua)
	if stop.Cause == effect.Exhausted && L != nil {
		if at := b.position(L).String(); at != "" {
			stop = &effect.Stop{Cause: stop.Cause, Err: fmt.Errorf("%s: %w", at, stop.Err)}
		}
	}
	b.stop(stop)
}

// stop ends the branch, which holds the baton, and unless it only waits the
// whole script. No Lua construct can catch it: the goroutine ends.
func (b *branch) stop(stop *effect.Stop) {
	b.walk.baton.stop(stop)
	if stop.Cause != effect.Waiting {
		b.walk.cancel(stop)
	}
	b.walk.meter.pause()
	runtime.Goexit()
}

// try calls fn in a Lua thread of its own and returns its results or its
// failure. The thread is what makes an error harmless to its surroundings:
// gopher-lua closes all upvalues of the thread that an error passes through,
// those of the frames that go on included.
func (b *branch) try(L *lua.LState, fn lua.LValue, args ...lua.LValue) (results []lua.LValue, fault *failure) {
	s := b.walk.script
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
		if fault = failureOf(p); fault.overflow {
			fault.trace = &trace{frames: b.stack(thread)} // gopher-lua left the frames as they were
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
	return b.walk.script.newThread()
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
