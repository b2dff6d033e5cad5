package script

import (
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// undo is what takes one call back: the function that stands beside its
// arguments. It is registered as the call ends, as by an on_rollback straight
// after it, if the call has changed something, or may have. So it is if the call
// failed, and if a rollback does not wait for its outcome.
type undo struct {
	branch *branch
	fn     *lua.LFunction
	name   string
	where  effect.Position
	wrote  int // writes of the branch when the call began
	done   bool
}

// leftOver is the undo of a call that did not return: the main chunk ended in it.
type leftOver struct {
	place effect.Place
	registered
}

// undoOf returns the undo of a call of an op, which stands in its table of
// arguments; nil if it has none.
func (b *branch) undoOf(L *lua.LState, name string) *undo {
	table, ok := L.Get(1).(*lua.LTable)
	if !ok {
		return nil
	}
	called := scriptName(name)
	op, _ := b.execution.script.declaration(name)
	given := table.RawGetString(language.Undo)
	fn, ok := given.(*lua.LFunction)
	switch {
	case given == lua.LNil, !ok && op.Rest != nil: // a server may have the name
		return nil
	case !ok:
		b.fail(L, "write undo = function() … end", "%s: undo: should be a function that takes the call back, not %s", called, describe(given))
	case b.rollback:
		b.fail(L, "leave undo out: what a rollback does is not taken back", "%s: undo: a rollback cannot register another", called)
	case op.ReadsOnly():
		b.fail(L, "leave undo out", "%s: undo: it only reads, so that there is nothing to take back", called)
	}
	b.mayRegister(L)
	return &undo{branch: b, fn: fn, name: language.Undo + " " + called, where: b.position(L), wrote: b.wrote}
}

// argument returns the names of what stands among the arguments and is none.
func (u *undo) argument() []string {
	if u == nil {
		return nil
	}
	return []string{language.Undo}
}

// end registers the function if the call, which has returned, changed something.
func (u *undo) end(L *lua.LState) {
	if u == nil || u.branch.wrote == u.wrote {
		return
	}
	u.branch.execution.script.register(u.name, u.where, u.fn)
	u.done = true
	u.branch.control(L, effect.OpRegistered, nil)
}

// cutOff is called when the call has ended in whichever way: of one that did not
// return, what it may have changed is taken back like the rest.
func (u *undo) cutOff() {
	if u == nil || u.done || u.branch.wrote == u.wrote {
		return
	}
	b := u.branch
	b.execution.scheduler.mu.Lock()
	defer b.execution.scheduler.mu.Unlock()
	s := b.execution.script
	s.leftOver = append(s.leftOver, leftOver{b.scope.prefix.Effect(b.scope.effects), registered{Rollback{Name: u.name, Where: u.where}, u.fn}})
}

// registrations returns what is to be taken back, in the order in which it was
// registered. What was under way as the main chunk ended comes last, by its
// places: which of two ended first there is not recorded.
func (s *Script) registrations() []registered {
	list := slices.Clone(s.rollbacks)
	for _, l := range slices.SortedFunc(slices.Values(s.leftOver), func(a, b leftOver) int { return a.place.Compare(b.place) }) {
		l.Index = len(list) + 1
		list = append(list, l.registered)
	}
	return list
}
