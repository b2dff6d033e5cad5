package script

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// raised is what the host keeps with an error that a script sees as a table.
type raised struct {
	err  *effect.Error
	args map[string]any // of the failed op
}

// raisedKey is where raised stands in the error's metatable, which the script
// cannot reach.
const raisedKey = "raised"

// errorTable returns the table {code, message, op, where, retryable, hint}
// that a script sees of an error.
func (s *Script) errorTable(e *effect.Error, args map[string]any) *lua.LTable {
	t := s.base.CreateTable(0, 6)
	set := func(key, value string) {
		if value != "" {
			t.RawSetString(key, lua.LString(value))
		}
	}
	set("code", string(e.Code))
	set("message", e.Message)
	set("op", e.Op)
	set("where", e.Where.String())
	set("hint", e.Hint)
	t.RawSetString("retryable", lua.LBool(e.Retryable))

	hidden := s.base.NewUserData()
	hidden.Value = &raised{err: e, args: args}
	meta := s.base.CreateTable(0, 6)
	meta.RawSetString("__tostring", s.errorText)
	meta.RawSetString("__concat", s.errorJoin)
	meta.RawSetString("__metatable", lua.LString("error"))
	meta.RawSetString(raisedKey, hidden)
	t.Metatable = meta
	return t
}

// raisedOf returns what the host knows of an error table, or nil for any other
// table.
func raisedOf(t *lua.LTable) *raised {
	meta, ok := t.Metatable.(*lua.LTable)
	if !ok {
		return nil
	}
	hidden, ok := meta.RawGetString(raisedKey).(*lua.LUserData)
	if !ok {
		return nil
	}
	r, _ := hidden.Value.(*raised)
	return r
}

// current returns the error as the table says it now: a script may have
// reworded it before raising it again.
func (r *raised) current(t *lua.LTable) *effect.Error {
	e := *r.err
	text := func(key, old string) string {
		if s, ok := t.RawGetString(key).(lua.LString); ok {
			return string(s)
		}
		return old
	}
	e.Code = effect.Code(text("code", string(e.Code)))
	e.Message = text("message", e.Message)
	e.Hint = text("hint", e.Hint)
	return &e
}

// raise raises an effect's error. It does not return.
func (b *branch) raise(L *lua.LState, e *effect.Error, args map[string]any) {
	L.Error(b.execution.script.errorTable(e, args), 0)
}

// fail raises a mistake of the script at its current line. It does not return.
func (b *branch) fail(L *lua.LState, hint, format string, args ...any) {
	b.raise(L, &effect.Error{Code: effect.CodeRaised, Message: fmt.Sprintf(format, args...), Hint: hint,
		Where: b.position(L)}, nil)
}

// enter is the first thing that every function of the host does: it ends the
// goroutine if the script has been stopped, and returns the running branch.
func (s *Script) enter(L *lua.LState) *branch {
	b := s.cur
	b.check(L)
	return b
}
