package view

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// ScriptError prints a script's failure: where, what, with which arguments,
// the Lua stack, and what to do.
func ScriptError(s Style, e *script.Error) string {
	var b strings.Builder
	b.WriteString(s.Red("failed: ") + Clean(e.Error()))
	if len(e.Args) > 0 {
		b.WriteString("\n  with  " + clean(strings.Trim(value(nil, e.Args), "{}")))
	}
	for _, f := range e.Stack {
		fmt.Fprintf(&b, "\n  at    %s", f.Where)
		if f.Function != "" {
			b.WriteString("  in " + clean(f.Function))
		}
	}
	if e.Hint != "" {
		b.WriteString("\n  hint  " + Clean(e.Hint))
	}
	return b.String()
}

// Plain prints recorded values without decoration.
func Plain(raw json.RawMessage) string {
	v, err := effect.Decode(raw)
	if err != nil {
		return ""
	}
	if m, ok := v.(map[string]any); ok && len(m) == 0 {
		return ""
	}
	return strings.Trim(value(nil, v), "{}")
}
