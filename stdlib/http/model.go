package http

import (
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model says how services respond. It sends nothing.
//
//	http = {
//	  responses = {
//	    ["GET https://api.example.org/version"] = { json = { version = "v1.1.0" } },
//	    ["https://api.example.org"] = { status = function(world) return world.deploy.envs.green and 200 or 503 end },
//	  },
//	}
//
// The longest entry counts with which "METHOD URL", or the URL alone, begins.
// What has none is answered 200, which is assumed.
//
// State: { vars = { … }, dropped = { ["POST https://…"] = true } }.
type Model struct {
	script  model.Scripted
	drop    string          // the request that comes next is accepted, and nothing comes of it
	dropped map[string]bool // such requests
	known   map[string]any  // by key: what was answered to a request by which the service knows a repetition
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model {
	return &Model{script: model.NewScripted("http"), dropped: map[string]bool{}, known: map[string]any{}}
}

// dropped is the module's fault kind.
const dropped = "dropped"

func faults() []effect.FaultKind {
	return []effect.FaultKind{{Name: dropped, Ops: []string{"request"}, Writes: true,
		Doc: "A request that is answered 202 is accepted, and what it asks for is never done"}}
}

// Break implements effect.Breaker. No part is bad afterwards: what is wrong is
// what the run takes for done.
func (h *Model) Break(_, _ string, args map[string]any) string {
	h.drop = requestName(args)
	return ""
}

func requestName(args map[string]any) string {
	return plain.Str(args, "method") + " " + plain.Str(args, "url")
}

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	return model.ScriptedFields("responses", "what requests are answered, by \"METHOD URL\" or URL, as far as it is said", []effect.Field{
		effect.Field{Name: "status", Type: effect.Int, Min: effect.Bound(100), Max: effect.Bound(599), Doc: "the status, or a function that returns it; 200 if left out"},
		field.Text("body", "what it carries, or a function that returns it"),
		field.Of("json", effect.Any, "what it carries as JSON, or a function that returns it"),
		effect.Field{Name: "headers", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "its headers, in lower case"},
		field.Of("unreachable", effect.Bool, "whether nobody answers")}, "status", "body", "json")
}

// Load implements effect.Model.
func (h *Model) Load(state map[string]any) error {
	return h.script.Load(state, "responses", scenario())
}

// find returns what the scenario says of a request; an entry with the method
// counts before one without.
func (h *Model) find(args map[string]any) map[string]any {
	if r := h.script.Find(plain.Str(args, "method") + " " + plain.Str(args, "url")); r != nil {
		return r
	}
	return h.script.Find(plain.Str(args, "url"))
}

// Do implements effect.Model.
func (h *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	if op != "request" {
		return nil, model.NoOp("http", op)
	}
	if before, repeated := h.known[m.Key]; repeated {
		return plain.Copy(before), nil
	}
	reply, name := h.find(args), requestName(args)
	if reply["unreachable"] == true {
		return nil, effect.Errorf(effect.CodeUnavailable, "%s: nobody answers in the simulated world", name)
	}
	m = h.script.Moment(m)
	status, err := model.ResolveAs(m, field.Of("status", effect.Int, ""), reply["status"])
	if err != nil {
		return nil, err
	}
	body, err := model.ResolveAs(m, field.Text("body", ""), reply["body"])
	if err != nil {
		return nil, err
	}
	json, err := model.ResolveAs(m, field.Of("json", effect.Any, ""), reply["json"])
	if err != nil {
		return nil, err
	}
	code, given := status.(float64)
	if !given {
		code = 200
	}
	written, _ := body.(string)
	if json != nil && written == "" {
		data, err := EncodeJSON(json)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: the scenario's json: %v", name, err)
		}
		written = string(data)
	}
	if !model.Accepted(args["ok"], code, func(c float64) bool { return c >= 200 && c < 300 }) {
		return nil, refused(op, args, name, code)
	}
	if code == accepted && h.drop == name && (reply["sets"] != nil || reply["apply"] != nil) {
		h.drop, h.dropped[name] = "", true
	} else if err := h.script.Apply(m, reply); err != nil {
		return nil, err
	}
	out := map[string]any{"status": code, "headers": plain.CopyOf(plain.Table(reply, "headers")), "body": written, "truncated": false,
		"seconds": h.Takes(op, args).Seconds()}
	if json != nil {
		out["json"] = plain.Copy(json)
		if headers := out["headers"].(map[string]any); headers["content-type"] == nil {
			headers["content-type"] = "application/json"
		}
	}
	if m.Key != "" && recognizable(args) && writes(op, args) {
		h.known[m.Key] = plain.Copy(out)
	}
	return out, nil
}

// Gateway are the statuses by which a gateway says that it got no answer from
// the server behind it, which may have got the request: 502, 504, and those
// that a large provider of gateways added.
func Gateway() []int { return []int{502, 504, 520, 522, 524} }

// writes reports whether a request may change something.
func writes(op string, args map[string]any) bool {
	ops := Module().Ops
	return ops[0].Name == op && ops[0].ClassFor(args).Writes()
}

// refused is what becomes of a status that is no success.
func refused(op string, args map[string]any, name string, code float64) *effect.Error {
	if writes(op, args) && slices.Contains(Gateway(), int(code)) {
		return effect.Errorf(effect.CodeUnknown, "%s was answered %v: it is not known whether the service behind the gateway acted upon it", name, code)
	}
	e := effect.Errorf(effect.CodeFailed, "%s was answered %v", name, code).WithHint("if this status is no failure, add it to ok = { … }")
	e.Retryable = code >= 500 || code == 429
	return e
}

// State implements effect.Model.
func (h *Model) State(effect.Moment) map[string]any {
	out := h.script.State()
	if len(h.dropped) > 0 {
		names := map[string]any{}
		for name := range h.dropped {
			names[name] = true
		}
		out["dropped"] = names
	}
	return out
}

// Clone implements effect.Model.
func (h *Model) Clone() effect.Model {
	return &Model{h.script.Clone(), h.drop, maps.Clone(h.dropped), maps.Clone(h.known)}
}

// Takes implements effect.Timed.
func (h *Model) Takes(_ string, args map[string]any) time.Duration {
	if s, ok := h.find(args)["takes"].(float64); ok {
		return effect.Seconds(s)
	}
	return 100 * time.Millisecond
}

// Assumes implements effect.Assumer: the scenario may say nothing of the
// request.
func (h *Model) Assumes(_ string, args map[string]any) string {
	return model.Assuming(h.find(args) == nil, "http of "+plain.Str(args, "url"))
}
