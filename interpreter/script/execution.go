package script

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// execution is one run through Lua code from its outermost function: the main chunk
// or a rollback.
type execution struct {
	script    *Script
	ctx       context.Context // what effects get
	scheduler scheduler
	meter     *meter
	cancel    context.CancelCauseFunc // ends all Lua
	group     sync.WaitGroup
	alive     atomic.Int64 // branches that have not ended
	effects   int          // that were sent; belongs to the branch that runs
	sent      int          // bytes of their arguments; likewise
}

// execute runs fn as the outermost branch and returns what became of it: nil, an
// *Error, or an *effect.Stop. It returns when no goroutine of it is left.
func (s *Script) execute(ctx context.Context, fn lua.LValue, place effect.Place, rollback bool) error {
	_, err := s.call(ctx, place, rollback, fn)
	return err
}

// call is execute for a function that takes arguments and returns results.
func (s *Script) call(ctx context.Context, place effect.Place, rollback bool, fn lua.LValue, args ...lua.LValue) ([]lua.LValue, error) {
	if s.lua.Err() != nil { // an earlier stop ended it
		s.lua, s.cancel = context.WithCancelCause(context.Background())
		s.eval.dropThreads()
	}
	s.settleSubjects()
	x := &execution{script: s, ctx: ctx, cancel: s.cancel, scheduler: scheduler{over: make(chan struct{}), idle: s.opts.Idle}}
	budget := s.opts.Budget
	if rollback {
		budget = s.overruns.budget(budget)
	}
	x.meter = newMeter(ctx, budget, s.opts.Memory, s.cancel)
	defer x.meter.close()
	x.ctx = context.WithValue(ctx, meterKey{}, x.meter)
	defer context.AfterFunc(ctx, func() { x.cancel(stopOf(ctx)) })()

	root := x.newBranch(nil, place, "", fn)
	root.rollback, root.args = rollback, args
	x.group.Go(root.run)
	x.scheduler.begin(root)
	<-x.scheduler.over
	x.group.Wait()
	s.cur = nil

	x.scheduler.mu.Lock()
	defer x.scheduler.mu.Unlock()
	switch {
	case x.scheduler.ended && root.failure != nil:
		return nil, s.failed(root.failure)
	case x.scheduler.ended:
		s.eval.keepThreads(append(root.free, root.thread))
		return root.results, nil
	case x.scheduler.stopped != nil:
		return nil, x.scheduler.stopped
	case len(x.scheduler.suspended) > 0:
		return nil, x.scheduler.pause()
	}
	return nil, &Error{Message: "internal fault: all branches wait for each other"}
}

// stopOf turns the end of a context into a stop.
func stopOf(ctx context.Context) *effect.Stop {
	cause := context.Cause(ctx)
	if stop := effect.AsStop(cause); stop != nil {
		return stop
	}
	if errors.Is(cause, context.Canceled) {
		cause = nil
	}
	return &effect.Stop{Cause: effect.Interrupted, Err: cause}
}

// handle calls the handler. A panic there is a fault of the program: it stops
// the script in good order, where pcall would hide it.
func (x *execution) handle(ctx context.Context, call effect.Call) (result effect.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &effect.Stop{Cause: effect.Interrupted,
				Err: fmt.Errorf("%s at %s: internal fault: %v\n%s", call.Op, call.Where, p, debug.Stack())}
		}
	}()
	return x.script.opts.Handler.Do(ctx, call)
}
