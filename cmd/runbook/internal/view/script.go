package view

import (
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// ScriptError prints a script's failure: where, what, with which arguments,
// the Lua stack, and what to do.
func ScriptError(s Style, catalog *effect.Catalog, e *script.Error) string {
	var b strings.Builder
	b.WriteString(s.Red("failed: ") + strings.ReplaceAll(Clean(e.Error()), "\n", "\n        "))
	if e.Effect != nil && e.Effect.Op != "" {
		if text := arguments(catalog, e.Effect.Op, e.Args); text != "" {
			b.WriteString("\n  with  " + text)
		}
	}
	for _, f := range e.Stack {
		b.WriteString("\n  at    " + clean(f.Where.String()))
		if f.Function != "" {
			b.WriteString("  in " + clean(f.Function))
		}
	}
	if e.Hint != "" {
		b.WriteString("\n  hint  " + Clean(e.Hint))
	}
	return b.String()
}
