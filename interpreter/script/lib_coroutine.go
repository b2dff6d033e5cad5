package script

import lua "github.com/yuin/gopher-lua"

// coroutineFunctions wrap gopher-lua's. A coroutine runs on the goroutine of
// the branch that resumes it and shares its places.
func (s *Script) coroutineFunctions(from *lua.LTable) map[string]lua.LGFunction {
	original := func(name string) lua.LGFunction { return from.RawGetString(name).(*lua.LFunction).GFunction }
	create, resume, yield := original("create"), original("resume"), original("yield")

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
		b.nesting++
		defer func() { b.nesting-- }()
		running := L.G.CurrentThread
		n := resume(L)
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
		"resume": func(L *lua.LState) int {
			L.CheckThread(1)
			return run(L)
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
		if _, inside := b.outer[L]; inside && b.walk.script.base.G.CurrentThread != b.thread {
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
