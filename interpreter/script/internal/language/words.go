package language

import (
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Undo is the argument of every call that writes: a function that takes back
// what the call did.
const Undo = "undo"

// Usage shows how a call of an op is written, with its required arguments.
func Usage(op *effect.Op, name string) string {
	var parts []string
	for i := range op.Args {
		if op.Args[i].Required {
			parts = append(parts, op.Args[i].Name+" = …")
		}
	}
	if len(parts) == 0 && len(op.Args) > 0 {
		parts = append(parts, op.Args[0].Name+" = …")
	}
	return name + " { " + strings.Join(parts, ", ") + " }"
}

// Suggest returns a suggestion, or the list of what there is.
func Suggest(word string, known []string) string {
	if hint := effect.DidYouMean(word, known); hint != "" {
		return hint
	}
	if len(known) == 0 {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}

// RequireHint says what to write instead of the name of a module that is not
// there.
func RequireHint(name string, known []string) string {
	if strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".lua") {
		const outside = "; what stands outside of its folder cannot be required"
		inside := strings.TrimSuffix(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "./"), ".lua")
		if inside == "" || strings.HasPrefix(inside, "/") || strings.Contains(inside, ".") {
			return `write "lib.slo" for lib/slo.lua beside the script` + outside
		}
		return fmt.Sprintf("write %q for %s.lua beside the script%s", strings.ReplaceAll(inside, "/", "."), inside, outside)
	}
	if hint := effect.DidYouMean(name, known); hint != "" {
		return hint
	}
	return "a file of that name has to stand beside the script"
}

// Join appends a key or an index to a path.
func Join(path, key string) string {
	switch {
	case path == "" || key == "":
		return path + key
	case key[0] == '[':
		return path + key
	}
	return path + "." + key
}
