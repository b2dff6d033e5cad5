package script

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// coroutineFunctions wrap gopher-lua's. A coroutine runs on the goroutine of
// the branch that resumes it and shares its places. While that branch waits for
// an effect inside of it, no other one may resume it: both would run on one
// stack.
func (s *Script) coroutineFunctions(from *lua.LTable) map[string]lua.LGFunction {
	original := func(name string) lua.LGFunction { return from.RawGetString(name).(*lua.LFunction).GFunction }
	create, resume, yield, status := original("create"), original("resume"), original("yield"), original("status")

	// A coroutine is canceled with everything else. It gets the context by
	// hand: gopher-lua would derive one for each that is only freed when the
	// coroutine ends.
	newThread := func(L *lua.LState) {
		L.RemoveContext()
		defer L.SetContext(s.lua)
		create(L)
		L.Get(-1).(*lua.LState).SetContext(s.lua)
	}
	run := func(L *lua.LState) int {
		b := s.enter(L)
		if b.nesting >= maxNesting {
			b.fail(L, "", "too many coroutines run inside each other")
		}
		thread := L.CheckThread(1)
		switch owner := s.resumed[thread]; {
		case owner == nil:
		case b.execution.scheduler.hasStopped(owner):
			b.fail(L, "", "this coroutine was stopped with %s, inside an effect", owner)
		case owner != b:
			b.fail(L, "give each branch a coroutine of its own, or resume this one after parallel{}",
				"this coroutine is at work in %s, inside an effect at %s, and cannot be resumed here", owner, owner.position(owner.current))
		default:
			L.Push(lua.LFalse)
			L.Push(lua.LString(fmt.Sprintf("%s: cannot resume a coroutine that is running", b.position(L))))
			return 2
		}
		b.nesting++
		defer func() { b.nesting-- }()
		running := L.G.CurrentThread
		s.resumed[thread] = b // for ever, if the branch is stopped inside of it
		n := resume(L)
		delete(s.resumed, thread)
		L.G.CurrentThread = running // gopher-lua leaves L there
		b.check(L)
		return n
	}
	return map[string]lua.LGFunction{
		"create": func(L *lua.LState) int {
			s.enter(L)
			newThread(L)
			return 1
		},
		"resume": run,
		"status": func(L *lua.LState) int {
			s.enter(L)
			thread := L.CheckThread(1)
			switch {
			case s.resumed[thread] == nil || thread == L:
				return status(L)
			default: // it resumed another, or waits for an effect in another branch
				L.Push(lua.LString("normal"))
				return 1
			}
		},
		"wrap": func(L *lua.LState) int {
			s.enter(L)
			newThread(L)
			thread := L.Get(-1)
			L.Push(s.base.NewFunction(func(L *lua.LState) int {
				L.Insert(thread, 1)
				n := run(L)
				if L.Get(-n) == lua.LFalse {
					L.Error(L.Get(-n+1), 0)
				}
				return n - 1
			}))
			return 1
		},
		"yield": func(L *lua.LState) int {
			b := s.enter(L)
			b.yieldable(L)
			return yield(L)
		},
		"running": func(L *lua.LState) int {
			b := s.enter(L)
			if L.G.CurrentThread == b.thread {
				L.Push(lua.LNil)
			} else {
				L.Push(L.G.CurrentThread)
			}
			return 1
		},
		"isyieldable": func(L *lua.LState) int {
			s.enter(L)
			L.Push(lua.LBool(L.Parent != nil))
			return 1
		},
	}
}

// yieldable raises an error where a yield would tear gopher-lua's stack apart:
// outside of a coroutine, and across a function of the host.
func (b *branch) yieldable(L *lua.LState) {
	if L.Parent == nil {
		if _, inside := b.outer[L]; inside && b.execution.script.base.G.CurrentThread != b.thread {
			b.fail(L, "yield outside of it", "coroutine.yield cannot leave a pcall, step or retry")
		}
		b.fail(L, "", "coroutine.yield was called outside of a coroutine")
	}
	for level := 1; ; level++ {
		d, ok := L.GetStack(level)
		if !ok {
			return
		}
		if _, err := L.GetInfo("S", d, lua.LNil); err == nil && d.What == "G" {
			b.fail(L, "yield outside of it", "coroutine.yield cannot leave a function of the host")
		}
	}
}
