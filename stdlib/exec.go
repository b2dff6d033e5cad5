package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Exec declares running a program that a team already has. Its class is what
// the caller says; a program about which nothing is said counts as
// irreversible and is never repeated without asking.
func Exec() effect.Module {
	return effect.Module{Name: "exec", Doc: "Run the scripts a team already has.", Ops: []effect.Op{{
		Module: "exec", Name: "run", Doc: "Run a program and wait for it; a bad exit code is an error",
		ClassArg: "class", RecoveryArg: "recovery",
		Args: []effect.Field{
			{Name: "argv", Type: effect.List, Elem: &effect.Field{Type: effect.String}, Min: effect.Bound(1),
				Doc: "the program and its arguments; no shell is involved"},
			{Name: "shell", Type: effect.String, Doc: "a line for /bin/sh -c, instead of argv"},
			{Name: "env", Type: effect.Map, Elem: &effect.Field{Type: effect.String},
				Doc: "its environment, beside PATH, HOME, LANG and what the configuration adds"},
			{Name: "secrets", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Secret: true},
				Doc: "environment variables whose values are secret"},
			{Name: "dir", Type: effect.String, Doc: "where it runs"},
			{Name: "stdin", Type: effect.String, Doc: "its standard input; empty if left out"},
			{Name: "timeout", Type: effect.Duration, Default: "10m", Doc: "when its process group is killed"},
			{Name: "ok", Type: effect.List, Elem: &effect.Field{Type: effect.Int}, Default: []any{0.0},
				Doc: "the exit codes that count as success"},
			{Name: "class", Type: effect.Enum, Enum: []string{"read", "write", "irreversible"},
				Doc: "what it may do to the world; irreversible if left out"},
			{Name: "recovery", Type: effect.Enum, Enum: []string{"retry", "ask"},
				Doc: `"retry" if it may safely run twice; "ask" if left out`},
		},
		Returns: []effect.Field{
			{Name: "code", Type: effect.Int, Doc: "the exit code"},
			{Name: "output", Type: effect.String, Doc: "the last 64 KiB of standard output and error, as they came"},
			{Name: "truncated", Type: effect.Bool, Doc: "whether there was more"},
			{Name: "seconds", Type: effect.Duration, Doc: "how long it ran"},
		},
		Validate: func(args map[string]any) error {
			_, argv := args["argv"]
			_, shell := args["shell"]
			if argv == shell {
				return &effect.FieldError{Problem: "wants exactly one of argv and shell",
					Hint: `write exec.run { argv = { "./deploy.sh", "--env=green" } }`}
			}
			return nil
		},
	}}}
}
