package stdlib

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// httpModel says how services respond. It sends nothing.
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
// State: { vars = { … } }.
type httpModel struct {
	script scripted
}

func newHTTPModel() *httpModel { return &httpModel{newScripted("http")} }

// Load implements effect.Model.
func (h *httpModel) Load(state map[string]any) error {
	return h.script.load(state, "responses", replyFields(
		effect.Field{Name: "status", Type: effect.Int, Min: effect.Bound(100), Max: effect.Bound(599), Doc: "the status, or a function that returns it; 200 if left out"},
		text("body", "what it carries, or a function that returns it"),
		field("json", effect.Any, "what it carries as JSON, or a function that returns it"),
		effect.Field{Name: "headers", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "its headers, in lower case"},
		field("unreachable", effect.Bool, "whether nobody answers")), "status", "body", "json")
}

// find returns what the scenario says of a request; an entry with the method
// counts before one without.
func (h *httpModel) find(args map[string]any) map[string]any {
	if r := h.script.find(str(args, "method") + " " + str(args, "url")); r != nil {
		return r
	}
	return h.script.find(str(args, "url"))
}

// Do implements effect.Model.
func (h *httpModel) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	if op != "request" {
		return nil, noOp("http", op)
	}
	reply, name := h.find(args), str(args, "method")+" "+str(args, "url")
	if reply["unreachable"] == true {
		return nil, effect.Errorf(effect.CodeUnavailable, "%s: nobody answers in the simulated world", name)
	}
	m = h.script.moment(m)
	status, err := resolveAs(m, field("status", effect.Int, ""), reply["status"])
	if err != nil {
		return nil, err
	}
	body, err := resolveAs(m, text("body", ""), reply["body"])
	if err != nil {
		return nil, err
	}
	json, err := resolveAs(m, field("json", effect.Any, ""), reply["json"])
	if err != nil {
		return nil, err
	}
	code, given := status.(float64)
	if !given {
		code = 200
	}
	written, _ := body.(string)
	if json != nil && written == "" {
		data, err := effect.Encode(json, nil)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: the scenario's json: %v", name, err)
		}
		written = string(data)
	}
	if !accepted(args["ok"], code, func(c float64) bool { return c >= 200 && c < 300 }) {
		e := effect.Errorf(effect.CodeFailed, "%s was answered %v", name, code).WithHint("if this status is no failure, add it to ok = { … }")
		e.Retryable = code >= 500 || code == 429
		return nil, e
	}
	if err := h.script.apply(m, reply); err != nil {
		return nil, err
	}
	out := map[string]any{"status": code, "headers": copyOf(table(reply, "headers")), "body": written, "truncated": false,
		"seconds": h.Takes(op, args).Seconds()}
	if json != nil {
		out["json"] = copyAny(json)
	}
	return out, nil
}

// State implements effect.Model.
func (h *httpModel) State(effect.Moment) map[string]any { return h.script.state() }

// Clone implements effect.Model.
func (h *httpModel) Clone() effect.Model { return &httpModel{h.script.clone()} }

// Takes implements effect.Timed.
func (h *httpModel) Takes(_ string, args map[string]any) time.Duration {
	if s, ok := h.find(args)["takes"].(float64); ok {
		return effect.Seconds(s)
	}
	return 100 * time.Millisecond
}

// Assumes reports whether the scenario says nothing of the request.
func (h *httpModel) Assumes(_ string, args map[string]any) bool { return h.find(args) == nil }
