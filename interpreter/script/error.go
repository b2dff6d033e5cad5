package script

import (
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Error is the failure of a script: text that is not Lua, a fault at run time,
// a failed effect that nothing caught, or a call of fail or error.
type Error struct {
	Message string // without its position
	Where   effect.Position
	Stack   []Frame // innermost first; Lua functions only
	// Effect is set if an effect failed, or the script raised an error of the
	// same form with fail.
	Effect *effect.Error
	// Args are the arguments of the failed effect; secrets stay effect.Secret.
	Args map[string]any
	Hint string // what to do about it; may be empty
	slip bool
}

// Slip reports whether the script itself is wrong, and not what it met: it read a
// field of nil, compared a text with a number, left out an argument.
func (e *Error) Slip() bool { return e.slip }

// Frame is one call on the Lua stack.
type Frame struct {
	Where    effect.Position
	Function string // "main chunk", "deploy", "function at line 12"
}

// Error returns "file:line: message".
func (e *Error) Error() string {
	if w := e.Where.String(); w != "" {
		return w + ": " + e.Message
	}
	return e.Message
}

// Unwrap returns the failed effect, if there is one.
func (e *Error) Unwrap() error {
	if e.Effect == nil {
		return nil
	}
	return e.Effect
}

// Traceback returns the stack for people, one call a line.
func (e *Error) Traceback() string {
	var b strings.Builder
	for _, f := range e.Stack {
		b.WriteString(f.Where.String() + ": in " + f.Function + "\n")
	}
	return b.String()
}
