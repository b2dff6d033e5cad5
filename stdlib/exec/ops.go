package exec

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Module returns what there is under the name exec.
func Module() effect.Module {
	return effect.Module{Name: "exec", Doc: "Run the scripts a team already has.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Invariants: invariants(),
		Ops: []effect.Op{{
			Module: "exec", Name: "run", Doc: "Run a program and wait for it; a bad exit code is an error",
			ClassArg: "class", RecoveryArg: "recovery", EffectsArg: "effects",
			Args: arguments(), Returns: returns(), Validate: validate,
		}}}
}

// arguments have no defaults beyond those of the first version: what is filled
// in is recorded, and a run of before would not be this one any more.
func arguments() []effect.Field {
	text := &effect.Field{Type: effect.String}
	return []effect.Field{
		{Name: "argv", Type: effect.List, Elem: text, Min: effect.Bound(1),
			Doc: "the program and its arguments; no shell is involved"},
		{Name: "shell", Type: effect.String, Doc: "a line for /bin/sh -c, instead of argv"},
		{Name: "title", Type: effect.String, Doc: "what is shown in the place of the command"},
		{Name: "env", Type: effect.Map, Elem: text,
			Doc: "variables of its environment; always there are RUNBOOK_RUN, RUNBOOK_KEY, the same at each attempt at this effect, and RUNBOOK_ATTEMPT, from 1"},
		{Name: "secrets", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Secret: true},
			Doc: "environment variables whose values are secret"},
		{Name: "pass", Type: effect.List, Elem: text,
			Doc: "variables of runbook's own environment that it sees as well (\"KUBECONFIG\", \"AWS_*\"); one that is named and not set is an error"},
		{Name: "dir", Type: effect.String, Doc: "where it runs"},
		{Name: "stdin", Type: effect.String, Doc: "its standard input; empty if left out"},
		{Name: "timeout", Type: effect.Duration, Default: "10m", Doc: "when it is killed, with all that it started"},
		{Name: "ok", Type: effect.List, Elem: &effect.Field{Type: effect.Int}, Default: []any{0.0},
			Doc: "the exit codes that count as success"},
		{Name: "json", Type: effect.Bool, Doc: "decode its standard output into json; an error if that is no JSON"},
		{Name: "output", Type: effect.Enum, Enum: []string{"none", "tail", "all"},
			Doc: "what is shown of its output: nothing, the last lines when it has ended, every line; left out, every line where there is no terminal, and the last one there"},
		{Name: "effects", Type: effect.List, Elem: text,
			Doc: "what it sets in the simulated world, as a scenario says it: { \"deploy.envs.green.version = v2\" }; a real run passes it over"},
		{Name: "class", Type: effect.Enum, Enum: []string{"read", "write", "irreversible"},
			Doc: "what it may do to the world; irreversible if left out"},
		{Name: "recovery", Type: effect.Enum, Enum: []string{"retry", "ask"},
			Doc: `"retry" if it may safely run twice; "ask" if left out`},
	}
}

func returns() []effect.Field {
	return []effect.Field{
		{Name: "code", Type: effect.Int, Doc: "the exit code"},
		{Name: "stdout", Type: effect.String, Doc: "the last 64 KiB of its standard output"},
		{Name: "stderr", Type: effect.String, Doc: "the last 64 KiB of its standard error"},
		{Name: "output", Type: effect.String, Doc: "the last 64 KiB of both, in the order in which they came; for people, not to be parsed"},
		{Name: "json", Type: effect.Any, Doc: "its standard output, decoded; with json = true"},
		{Name: "truncated", Type: effect.Bool, Doc: "whether there was more of any of them"},
		{Name: "redacted", Type: effect.Bool, Doc: "true if a secret was taken out of any of them; absent otherwise"},
		{Name: "seconds", Type: effect.Duration, Doc: "how long it ran"},
	}
}

func validate(args map[string]any) error {
	_, argv := args["argv"]
	_, shell := args["shell"]
	if argv == shell {
		return &effect.FieldError{Problem: "wants exactly one of argv and shell",
			Hint: `write exec.run { argv = { "./deploy.sh", "--env=green" } }`}
	}
	said, _ := args["effects"].([]any)
	for _, v := range said {
		text, _ := v.(string)
		if _, _, err := effect.ParseDeclared(text); err != nil {
			fault := *err.(*effect.FieldError)
			fault.Path = "effects"
			return &fault
		}
	}
	return nil
}
