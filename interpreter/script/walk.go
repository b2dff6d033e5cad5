package script

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// walk is one run through Lua code from its outermost function: the main chunk
// or a rollback.
type walk struct {
	script *Script
	ctx    context.Context // what effects get
	baton  baton
	meter  *meter
	cancel context.CancelCauseFunc // ends all Lua
	group  sync.WaitGroup
}

// walk runs fn as the outermost branch and returns what became of it: nil, an
// *Error, or an *effect.Stop. It returns when no goroutine of it is left.
func (s *Script) walk(ctx context.Context, fn lua.LValue, place string, rollback bool) error {
	_, err := s.call(ctx, place, rollback, fn)
	return err
}

// call is walk for a function that takes arguments and returns results.
func (s *Script) call(ctx context.Context, place string, rollback bool, fn lua.LValue, args ...lua.LValue) ([]lua.LValue, error) {
	if s.lua.Err() != nil { // an earlier stop ended it
		s.lua, s.cancel = context.WithCancelCause(context.Background())
		s.eval.dropThreads()
	}
	w := &walk{script: s, ctx: ctx, cancel: s.cancel, baton: baton{over: make(chan struct{}), idle: s.opts.Idle}}
	w.meter = newMeter(s.opts.Budget, s.opts.Memory, s.cancel)
	defer w.meter.close()
	defer context.AfterFunc(ctx, func() { w.cancel(stopOf(ctx)) })()

	root := w.newBranch(nil, place, "", fn)
	root.rollback, root.args = rollback, args
	w.group.Go(root.run)
	w.baton.begin(root)
	<-w.baton.over
	w.group.Wait()
	s.cur = nil

	w.baton.mu.Lock()
	defer w.baton.mu.Unlock()
	switch {
	case w.baton.ended && root.failure != nil:
		return nil, s.failed(root.failure)
	case w.baton.ended:
		s.eval.keepThreads(append(root.free, root.thread))
		return root.results, nil
	case w.baton.stopped != nil:
		return nil, w.baton.stopped
	case w.baton.suspended != nil:
		return nil, w.baton.suspended
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
func (w *walk) handle(ctx context.Context, call effect.Call) (result effect.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &effect.Stop{Cause: effect.Interrupted,
				Err: fmt.Errorf("%s at %s: internal fault: %v\n%s", call.Op, call.Where, p, debug.Stack())}
		}
	}()
	return w.script.opts.Handler.Do(ctx, call)
}
