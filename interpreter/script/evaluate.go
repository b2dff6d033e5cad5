package script

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// Func is a Go function that an evaluated file calls. at is the line of the
// call. Arguments and result are plain data, in which Lua functions are
// *Callback, and tables that are both a list and named values are Mixed; the
// result may also hold Funcs and Lookups. A *effect.FieldError tells the
// caller what is wrong with an argument; a *effect.Stop ends all Lua.
//
// Other Callbacks of the file may be called while it runs, from any goroutine.
type Func func(ctx context.Context, at effect.Position, args []any) (any, error)

// Lookup stands for a table whose values are asked for when Lua reads them.
// Other Callbacks may run meanwhile, as in a Func: what it returns may depend
// on them.
type Lookup func(key string) (any, error)

// Mixed is a table that is both a list and named values, as in
// { "traffic.split", green = 10 }.
type Mixed struct {
	List  []any
	Named map[string]any
}

// Evaluate runs a Lua file for the values in it: the sandbox of runbooks
// without effects and without run control. The functions are its globals
// beside Lua's own, require and fail. It returns the file's first result as
// plain data, as Func has it. The error is an *Error with file and line, or a
// *effect.Stop when ctx ended or the budget was used up.
func Evaluate(ctx context.Context, src Source, loader Loader, functions map[string]Func) (any, error) {
	catalog, err := effect.NewCatalog()
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", src.Name, err)
	}
	refuse := effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) {
		return effect.Result{}, effect.Errorf(effect.CodeUnsupported, "no effects here")
	})
	s, err := assemble(Options{Main: src, Loader: loader, Catalog: catalog, Handler: refuse}, &evaluation{functions: functions})
	if err != nil {
		return nil, err
	}
	s.ran = true
	return s.evaluate(ctx, s.base.NewFunctionFromProto(s.chunk))
}

// evaluation is what makes a Script one that is evaluated. One goroutine runs
// its Lua at a time; a Go function that Lua calls lets others in meanwhile.
type evaluation struct {
	functions map[string]Func

	mu    sync.Mutex
	depth int // calls under way, those that wait for Go included
	// spare holds clean threads of calls that have ended: a call is short, and
	// making its threads would take most of its time.
	spare []*lua.LState
}

// maxSpare bounds the threads that are kept.
const maxSpare = 16

// keepThreads takes the clean threads of a call that has ended. A nil
// evaluation keeps none.
func (e *evaluation) keepThreads(threads []*lua.LState) {
	if e != nil && len(e.spare)+len(threads) <= maxSpare {
		e.spare = append(e.spare, threads...)
	}
}

// spareThread returns a clean thread, or nil.
func (e *evaluation) spareThread() *lua.LState {
	if e == nil || len(e.spare) == 0 {
		return nil
	}
	last := len(e.spare) - 1
	thread := e.spare[last]
	e.spare = e.spare[:last]
	return thread
}

// dropThreads forgets the threads: they belong to what was stopped.
func (e *evaluation) dropThreads() {
	if e != nil {
		e.spare = nil
	}
}

// evaluationFunctions are the globals of an evaluated file.
func (s *Script) evaluationFunctions() map[string]lua.LGFunction {
	all := map[string]lua.LGFunction{"require": s.require, "fail": s.raiseByHand}
	for name, fn := range s.eval.functions {
		all[name] = s.goFunction(fn)
	}
	return all
}

// hint says what may have been meant by a name that does not exist.
func (e *evaluation) hint(name string) string {
	runControl := map[string]bool{}
	for _, known := range language.Globals() {
		runControl[known] = true
	}
	if runControl[name] {
		return name + " is for runbooks; this file has no effects"
	}
	if hint, ok := language.Missing()[name]; ok && name != "os" && name != "io" && name != "debug" {
		return hint
	}
	known := []string{"require", "fail", "pairs", "ipairs", "tostring", "tonumber", "string", "table", "math"}
	for f := range e.functions {
		known = append(known, f)
	}
	sort.Strings(known)
	return effect.DidYouMean(name, known)
}

// evaluate calls a function of the file.
func (s *Script) evaluate(ctx context.Context, fn lua.LValue, args ...any) (any, error) {
	e := s.eval
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.depth > 0 && s.lua.Err() != nil { // what waits for this call is to end
		return nil, stopOf(s.lua)
	}
	cur, running := s.cur, s.base.G.CurrentThread
	e.depth++
	defer func() {
		e.depth--
		s.cur, s.base.G.CurrentThread = cur, running
	}()
	values := make([]lua.LValue, len(args))
	for i, a := range args {
		values[i] = s.toLua(a)
	}
	results, err := s.call(ctx, "", false, fn, values...)
	if err != nil || len(results) == 0 {
		return nil, err
	}
	v, err := (&converter{s: s, evaluated: true}).value(results[0], "")
	if err != nil {
		return nil, &Error{Message: "what it returns: " + err.Error(), Where: whereDefined(fn)}
	}
	return v, nil
}

// goFunction lets Lua call a Go function.
func (s *Script) goFunction(fn Func) lua.LGFunction {
	return func(L *lua.LState) int {
		b := s.enter(L)
		args := make([]any, L.GetTop())
		for i := range args {
			v, err := (&converter{s: s, evaluated: true}).value(L.Get(i+1), "")
			if err != nil {
				b.fail(L, "", "argument %d %s", i+1, err)
			}
			args[i] = v
		}
		at := b.position(L)
		value, err := b.outside(func() (any, error) { return fn(b.execution.ctx, at, args) })
		if err != nil {
			b.refuse(L, err)
		}
		L.Push(s.toLua(value))
		return 1
	}
}

// outside calls a Go function while others may run the script's Lua.
func (b *branch) outside(call func() (any, error)) (any, error) {
	s := b.execution.script
	b.depart()
	s.eval.mu.Unlock()
	defer func() {
		s.eval.mu.Lock()
		s.cur = b
		s.base.G.CurrentThread = b.current
		b.execution.meter.resume()
	}()
	return call()
}

// refuse raises the error of a Go function. It does not return.
func (b *branch) refuse(L *lua.LState, err error) {
	b.check(L)
	if stop := effect.AsStop(err); stop != nil {
		b.stop(stop)
	}
	var field *effect.FieldError
	var script *Error
	var failed *effect.Error
	switch {
	case errors.As(err, &field):
		bare := *field
		bare.Hint = ""
		b.fail(L, field.Hint, "%s", bare.Error())
	case errors.As(err, &script):
		at := script.Where
		if at.File == "" {
			at = b.position(L)
		}
		b.raise(L, &effect.Error{Code: effect.CodeRaised, Message: script.Message, Hint: script.Hint, Where: at}, nil)
	case errors.As(err, &failed):
		e := *failed
		if e.Where.File == "" {
			e.Where = b.position(L)
		}
		b.raise(L, &e, nil)
	}
	b.fail(L, "", "%s", err)
}

// lookupTable makes a table that asks for its values.
func (s *Script) lookupTable(get Lookup) *lua.LTable {
	t, meta := s.base.NewTable(), s.base.NewTable()
	meta.RawSetString("__index", s.base.NewFunction(func(L *lua.LState) int {
		b := s.enter(L)
		key := keyText(L.Get(2))
		v, err := b.outside(func() (any, error) { return get(key) }) // it may ask other functions of the file
		if err != nil {
			b.refuse(L, err)
		}
		value := s.toLua(v)
		t.RawSet(L.Get(2), value)
		L.Push(value)
		return 1
	}))
	meta.RawSetString("__metatable", lua.LString("lookup"))
	t.Metatable = meta
	return t
}
