package script

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// checklist is the global of that name: it asks people to go through a list, and
// returns what they said of each item.
func (s *Script) checklist(L *lua.LState) int {
	b := s.enter(L)
	const usage = `write checklist { title = "…", items = { "…", { text = "…", evidence = true } } }`
	if _, ok := L.Get(1).(*lua.LTable); !ok || L.GetTop() != 1 {
		b.fail(L, usage, "checklist takes one table, got %s", describe(L.Get(1)))
	}
	args := b.namedArgs(L, effect.OpChecklist)
	if fault := effect.ApprovalFault(args); fault != "" {
		b.raise(L, &effect.Error{Code: effect.CodeInvalid, Message: "nobody can answer the checklist: " + fault, Where: b.position(L),
			Hint: "name people, each once; leave by out to let anyone answer"}, nil)
	}
	L.Push(s.toLua(b.control(L, effect.OpChecklist, args)))
	return 1
}
