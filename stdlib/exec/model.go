package exec

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model says what commands do. It runs nothing.
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
type Model struct {
	script model.Scripted
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model { return &Model{model.NewScripted("exec")} }

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	return model.ScriptedFields("commands", "what commands do, by how their line begins, in whole words; the longest entry counts", []effect.Field{
		field.Of("code", effect.Int, "its exit code, or a function that returns it; 0 if left out"),
		field.Text("output", "what it writes to standard output, or a function that returns it"),
		field.Text("stderr", "what it writes to standard error, or a function that returns it"),
		field.Of("json", effect.Any, "what its standard output decodes to with json = true, or a function that returns it")},
		"code", "output", "stderr", "json")
}

// Load implements effect.Model.
func (x *Model) Load(state map[string]any) error { return x.script.Load(state, "commands", scenario()) }

// Do implements effect.Model.
func (x *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	if op != "run" {
		return nil, model.NoOp("exec", op)
	}
	line := model.Command(args)
	reply := x.script.Find(line)
	m = x.script.Moment(m)
	code, err := model.ResolveAs(m, field.Of("code", effect.Int, ""), reply["code"])
	if err != nil {
		return nil, err
	}
	output, err := model.ResolveAs(m, field.Text("output", ""), reply["output"])
	if err != nil {
		return nil, err
	}
	stderr, err := model.ResolveAs(m, field.Text("stderr", ""), reply["stderr"])
	if err != nil {
		return nil, err
	}
	json, err := model.ResolveAs(m, field.Of("json", effect.Any, ""), reply["json"])
	if err != nil {
		return nil, err
	}
	took, timeout := x.takes(args), effect.Seconds(plain.Num(args, "timeout"))
	if timeout > 0 && took > timeout {
		why := effect.Errorf(effect.CodeUnknown, "%s took longer than %s; its process group was stopped, and nobody knows how far it came",
			line, effect.FormatDuration(timeout)).WithHint(`look at what it was to change, then say what happened; a program that may run twice is called with recovery = "retry"`)
		if args["class"] == string(effect.Read) {
			why.Code, why.Retryable = effect.CodeTimeout, true
		}
		return nil, why
	}
	status, _ := code.(float64)
	if !model.Accepted(args["ok"], status, func(c float64) bool { return c == 0 }) {
		return nil, effect.Errorf(effect.CodeFailed, "%s ended with exit code %v after %s", line, status, effect.FormatDuration(took)).
			WithHint("if this code is no failure, add it to ok = { … }")
	}
	if args["json"] == true && json == nil {
		return nil, effect.Errorf(effect.CodeFailed, "%s: the scenario does not say what it writes as JSON", line).
			WithHint("give the command json = { … } in the scenario: what its standard output decodes to")
	}
	if err := x.script.Apply(m, reply); err != nil {
		return nil, err
	}
	written, _ := output.(string)
	errors, _ := stderr.(string)
	value := map[string]any{"code": status, "stdout": written, "stderr": errors, "output": written + errors, "truncated": false, "seconds": took.Seconds()}
	if args["json"] == true {
		value["json"] = json
	}
	return value, nil
}

// State implements effect.Model.
func (x *Model) State(effect.Moment) map[string]any { return x.script.State() }

// Clone implements effect.Model.
func (x *Model) Clone() effect.Model { return &Model{x.script.Clone()} }

// Takes implements effect.Timed.
func (x *Model) Takes(_ string, args map[string]any) time.Duration {
	took := x.takes(args)
	if timeout := effect.Seconds(plain.Num(args, "timeout")); timeout > 0 {
		took = min(took, timeout)
	}
	return took
}

func (x *Model) takes(args map[string]any) time.Duration {
	if s, ok := x.script.Find(model.Command(args))["takes"].(float64); ok {
		return effect.Seconds(s)
	}
	return time.Second
}

// Assumes implements effect.Assumer: the scenario may say nothing of the
// command.
func (x *Model) Assumes(_ string, args map[string]any) string {
	return model.Assuming(x.script.Find(model.Command(args)) == nil, "the result of "+model.Command(args))
}
