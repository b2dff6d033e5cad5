package script

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// invariant is a condition that the script declared: what has to hold of the
// simulated world after each effect, whatever fails.
type invariant struct {
	name string
	fn   *lua.LFunction
}

// declareInvariant is the global invariant(name, function(world) … end). A
// real run has no world to look into and only checks how it is written.
func (s *Script) declareInvariant(L *lua.LState) int {
	b := s.enter(L)
	const usage = `invariant("name", function(world) return … end)`
	s.invariants = append(s.invariants, invariant{b.text(L, 1, usage), b.function(L, 2, usage)})
	return 0
}

// inspect holds the script's invariants against the world after an effect. An
// invariant is broken if it returns false, or false and why, or fails.
func (b *branch) inspect(call effect.Call) {
	s := b.walk.script
	if s.opts.World == nil || len(s.invariants) == 0 || !call.Class.Writes() {
		return
	}
	b.judging = true
	defer func() { b.judging = false }()
	world := s.toLua(s.opts.World())
	for _, inv := range s.invariants {
		results, failure := b.try(b.current, inv.fn, world)
		switch {
		case failure != nil:
			s.opts.Broke(inv.name, failure.text(), call.Place)
		case len(results) > 0 && (results[0] == lua.LFalse || results[0] == lua.LNil):
			why := ""
			if len(results) > 1 {
				why = lua.LVAsString(results[1])
			}
			s.opts.Broke(inv.name, why, call.Place)
		}
	}
}
