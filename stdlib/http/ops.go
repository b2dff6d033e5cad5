package http

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// Module returns what there is under the name http.
func Module() effect.Module {
	return effect.Module{Name: "http", Doc: "Call HTTP services.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Faults: faults(), Invariants: invariants(),
		Ops: []effect.Op{{
			Module: "http", Name: "request", Doc: "Send a request and wait for the response; a status that is no success is an error",
			ClassArg: "class", RecoveryArg: "recovery", KindArg: "method",
			ClassOf: map[string]effect.Class{"GET": effect.Read, "HEAD": effect.Read, "OPTIONS": effect.Read, "PUT": effect.Write,
				"PATCH": effect.Write},
			RecoveryOf: map[string]effect.Recovery{"GET": effect.Retry, "HEAD": effect.Retry, "OPTIONS": effect.Retry,
				"PUT": effect.Retry, "DELETE": effect.Retry},
			Args: []effect.Field{
				{Name: "url", Type: effect.String, Required: true, Pattern: `https?://[^\s]+`, Doc: "where it goes: http or https"},
				field.Choice("method", "its method", true, "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"),
				{Name: "headers", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "its headers"},
				{Name: "secrets", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Secret: true}, Doc: `headers whose values are secret: { Authorization = token }`},
				field.Text("body", "what it carries"),
				field.Of("json", effect.Any, "what it carries as JSON, instead of body"),
				field.Text("key_header", `a header that carries this effect's key, by which the service knows a repetition: "Idempotency-Key"`),
				{Name: "ok", Type: effect.List, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.Int, Min: effect.Bound(100), Max: effect.Bound(599)},
					Doc: "the statuses that count as success; 200 to 299 if left out"},
				{Name: "redirects", Type: effect.Int, Default: 0.0, Min: effect.Bound(0), Max: effect.Bound(20), Doc: "how many redirects to follow; a 301 or 302 of a POST is none: it would become a GET"},
				field.Timeout("30s"),
				field.Choice("class", "what it may do to the world; by its method if left out", false, "read", "write", "irreversible"),
				field.Choice("recovery", `"retry" if it may safely be sent twice; by its method if left out`, false, "retry", "ask"),
			},
			Returns: []effect.Field{
				field.Of("status", effect.Int, "the status"),
				{Name: "headers", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "the response's headers, in lower case"},
				field.Text("body", "the first 64 KiB of the response"),
				field.Of("truncated", effect.Bool, "whether there was more"),
				field.Of("json", effect.Any, "the response, if its content type says JSON and it has at most 1 MiB; whole numbers beyond 2^53 are texts"),
				field.Of("seconds", effect.Duration, "how long it took"),
				field.Of("redacted", effect.Bool, "true if a secret was taken out of it; absent otherwise"),
			},
			Validate: func(args map[string]any) error {
				_, body := args["body"]
				_, json := args["json"]
				method := args["method"]
				switch {
				case body && json:
					return &effect.FieldError{Problem: "wants at most one of body and json"}
				case (body || json) && (method == "GET" || method == "HEAD"):
					return &effect.FieldError{Path: "method", Problem: "is left at GET or HEAD, which carry nothing", Hint: `write method = "POST"`}
				}
				return nil
			},
		}}}
}
