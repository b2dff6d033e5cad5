package script

import (
	"context"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// invariant is a condition that the script declared: what has to hold of the
// simulated world, whatever fails.
type invariant struct {
	name  string
	kind  invariantKind
	where effect.Position // where it was declared
	fn    *lua.LFunction
}

// invariantKind says when an invariant is asked, and what it is given.
type invariantKind int

const (
	always invariantKind = iota // after each effect: the world
	inStep                      // after each effect: the world before, after, and the effect
	inEnd                       // when the run has ended: the world and how it ended
)

// publishInvariant makes the global invariant, which is called by itself and has
// members.
func (s *Script) publishInvariant() {
	members := s.base.CreateTable(0, 2)
	s.set(members, map[string]lua.LGFunction{
		"step":    s.declares(inStep, 0, `invariant.step("name", function(before, after, effect) return … end)`),
		"finally": s.declares(inEnd, 0, `invariant.finally("name", function(world, ending) return … end)`),
	})
	s.publish("invariant", members)
	front := s.globals.RawGetString("invariant").(*lua.LTable)
	call := s.declares(always, 1, `invariant("name", function(world) return … end)`) // behind the table that is called
	front.Metatable.(*lua.LTable).RawSetString("__call", s.base.NewFunction(call))
}

// declares returns the function that declares invariants of a kind. A real run
// has no world to look into and only checks how they are written.
func (s *Script) declares(kind invariantKind, skip int, usage string) lua.LGFunction {
	return func(L *lua.LState) int {
		b := s.enter(L)
		s.invariants = append(s.invariants, invariant{b.text(L, 1+skip, usage), kind, b.position(L), b.function(L, 2+skip, usage)})
		if s.opts.World != nil && kind != inEnd {
			s.opts.World.Observe()
		}
		return 0
	}
}

// inspect holds the script's invariants against what an effect did to the
// world, each time that it was carried out.
func (b *branch) inspect(call effect.Call) {
	s := b.execution.script
	if s.opts.World == nil || len(s.invariants) == 0 || !call.Class.Writes() {
		return
	}
	for _, t := range s.opts.World.Transitions(call.Place) {
		after := s.toLua(t.After)
		b.judge(call.Place, always, after)
		b.judge(call.Place, inStep, s.toLua(t.Before), after, s.toLua(t.Effect.Told()))
	}
}

// judge asks the invariants of a kind. One is broken if it returns false, or
// false and why. One that cannot be evaluated does not hold either.
func (b *branch) judge(place effect.Place, kind invariantKind, args ...lua.LValue) {
	s := b.execution.script
	var asked *invariant
	b.judging = true
	defer func() {
		b.judging = false
		// The branch ends here if the invariant used up what a script may use.
		if stop := effect.AsStop(context.Cause(s.lua)); asked != nil && stop != nil && stop.Cause == effect.Exhausted {
			s.opts.World.Broke(asked.name, fmt.Sprintf("it could not be evaluated: %s: %v", asked.where, stop), place)
		}
	}()
	for i := range s.invariants {
		if s.invariants[i].kind != kind {
			continue
		}
		asked = &s.invariants[i]
		results, failure := b.try(b.current, asked.fn, args...)
		switch {
		case failure != nil:
			s.opts.World.Broke(asked.name, "it could not be evaluated: "+shortened(s.failed(failure).Error()), place)
		case len(results) > 0 && (results[0] == lua.LFalse || results[0] == lua.LNil):
			why := ""
			if len(results) > 1 {
				why = shortened(lua.LVAsString(results[1]))
			}
			s.opts.World.Broke(asked.name, why, place)
		}
	}
	asked = nil
}

// Finally holds the script's invariants of the end against the world and the
// ending, once the run has ended. Its error is the stop of one that took more than
// a script may, which has been told like all else that is wrong.
func (s *Script) Finally(ctx context.Context, world, ending map[string]any) error {
	declared := false
	for _, inv := range s.invariants {
		declared = declared || inv.kind == inEnd
	}
	if !declared || s.opts.World == nil {
		return nil
	}
	judge := s.base.NewFunction(func(L *lua.LState) int {
		b := s.enter(L)
		b.current = L
		b.judge("", inEnd, s.toLua(world), s.toLua(ending))
		return 0
	})
	if stop := effect.AsStop(s.execute(ctx, judge, "", false)); stop != nil && stop.Cause == effect.Exhausted {
		return stop
	}
	return nil
}
