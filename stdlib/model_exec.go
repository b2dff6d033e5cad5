package stdlib

import (
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// execModel says what commands do. It runs nothing.
//
//	exec = {
//	  vars = { deployed = "v1.0.0" },
//	  commands = {
//	    ["./deploy.sh"] = { takes = "30s", output = "done\n", sets = { deployed = "v1.1.0" } },
//	    ["./deploy.sh --env=red"] = { code = 1 },
//	    ["./count.sh"] = { apply = function(world) return { runs = (world.exec.vars.runs or 0) + 1 } end },
//	  },
//	}
//
// The longest entry counts with which the command's words begin. What has none
// succeeds within a second and changes nothing, which is assumed.
//
// State: { vars = { … } }.
type execModel struct {
	script scripted
}

func newExecModel() *execModel { return &execModel{newScripted("exec")} }

// replyFields declares what a scenario says that happens; more adds to it.
func replyFields(more ...effect.Field) []effect.Field {
	return append([]effect.Field{
		{Name: "takes", Type: effect.Duration, Doc: "how long it takes"},
		{Name: "sets", Type: effect.Map, Elem: &effect.Field{Type: effect.Any}, Doc: "values that it gives to vars"},
		{Name: "apply", Type: effect.Any, Doc: "a function of the world that returns values for vars"},
	}, more...)
}

// Load implements effect.Model.
func (x *execModel) Load(state map[string]any) error {
	return x.script.load(state, "commands", replyFields(
		field("code", effect.Int, "its exit code, or a function that returns it; 0 if left out"),
		text("output", "what it writes, or a function that returns it")), "code", "output")
}

// Do implements effect.Model.
func (x *execModel) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	if op != "run" {
		return nil, noOp("exec", op)
	}
	line := commandLine(args)
	reply := x.script.find(line)
	m = x.script.moment(m)
	code, err := resolveAs(m, field("code", effect.Int, ""), reply["code"])
	if err != nil {
		return nil, err
	}
	output, err := resolveAs(m, text("output", ""), reply["output"])
	if err != nil {
		return nil, err
	}
	took, timeout := x.takes(args), effect.Seconds(num(args, "timeout"))
	if timeout > 0 && took > timeout {
		why := effect.Errorf(effect.CodeUnknown, "%s took longer than %s; its process group was stopped, and nobody knows how far it came",
			line, effect.FormatDuration(timeout)).WithHint(`look at what it was to change, then say what happened; a program that may run twice is called with recovery = "retry"`)
		if args["class"] == string(effect.Read) {
			why.Code, why.Retryable = effect.CodeTimeout, true
		}
		return nil, why
	}
	status, _ := code.(float64)
	if !accepted(args["ok"], status, func(c float64) bool { return c == 0 }) {
		return nil, effect.Errorf(effect.CodeFailed, "%s ended with exit code %v after %s", line, status, effect.FormatDuration(took)).
			WithHint("if this code is no failure, add it to ok = { … }")
	}
	if err := x.script.apply(m, reply); err != nil {
		return nil, err
	}
	written, _ := output.(string)
	return map[string]any{"code": status, "output": written, "truncated": false, "seconds": took.Seconds()}, nil
}

// accepted reports whether a status is among those that count as success.
func accepted(ok any, status float64, preset func(float64) bool) bool {
	list, given := ok.([]any)
	if !given {
		return preset(status)
	}
	for _, o := range list {
		if o == status {
			return true
		}
	}
	return false
}

// commandLine returns a command's words, or its line for the shell.
func commandLine(args map[string]any) string {
	if line, ok := args["shell"].(string); ok {
		return line
	}
	return strings.Join(list(args["argv"]), " ")
}

// State implements effect.Model.
func (x *execModel) State(effect.Moment) map[string]any { return x.script.state() }

// Clone implements effect.Model.
func (x *execModel) Clone() effect.Model { return &execModel{x.script.clone()} }

// Takes implements effect.Timed.
func (x *execModel) Takes(_ string, args map[string]any) time.Duration {
	took := x.takes(args)
	if timeout := effect.Seconds(num(args, "timeout")); timeout > 0 {
		took = min(took, timeout)
	}
	return took
}

func (x *execModel) takes(args map[string]any) time.Duration {
	if s, ok := x.script.find(commandLine(args))["takes"].(float64); ok {
		return effect.Seconds(s)
	}
	return time.Second
}

// Assumes reports whether the scenario says nothing of the command.
func (x *execModel) Assumes(_ string, args map[string]any) bool {
	return x.script.find(commandLine(args)) == nil
}
