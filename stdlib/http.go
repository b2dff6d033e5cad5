package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// HTTP declares one request. What it may do to the world follows from its
// method, unless the caller knows better: GET, HEAD and OPTIONS read; PUT and
// DELETE may be sent twice, POST and PATCH may not; what DELETE and POST do
// cannot be taken back.
func HTTP() effect.Module {
	return effect.Module{Name: "http", Doc: "Call HTTP services.", Ops: []effect.Op{{
		Module: "http", Name: "request", Doc: "Send a request and wait for the response; a status that is no success is an error",
		ClassArg: "class", RecoveryArg: "recovery", KindArg: "method",
		ClassOf: map[string]effect.Class{"GET": effect.Read, "HEAD": effect.Read, "OPTIONS": effect.Read, "PUT": effect.Write,
			"PATCH": effect.Write},
		RecoveryOf: map[string]effect.Recovery{"GET": effect.Retry, "HEAD": effect.Retry, "OPTIONS": effect.Retry,
			"PUT": effect.Retry, "DELETE": effect.Retry},
		Args: []effect.Field{
			{Name: "url", Type: effect.String, Required: true, Pattern: `https?://[^\s]+`, Doc: "where it goes: http or https"},
			choice("method", "its method", true, "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"),
			{Name: "headers", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "its headers"},
			{Name: "secrets", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Secret: true}, Doc: `headers whose values are secret: { Authorization = token }`},
			text("body", "what it carries"),
			field("json", effect.Any, "what it carries as JSON, instead of body"),
			text("key_header", `a header that carries this effect's key, by which the service knows a repetition: "Idempotency-Key"`),
			{Name: "ok", Type: effect.List, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.Int, Min: effect.Bound(100), Max: effect.Bound(599)},
				Doc: "the statuses that count as success; 200 to 299 if left out"},
			{Name: "redirects", Type: effect.Int, Default: 0.0, Min: effect.Bound(0), Max: effect.Bound(20), Doc: "how many redirects to follow"},
			within("30s"),
			choice("class", "what it may do to the world; by its method if left out", false, "read", "write", "irreversible"),
			choice("recovery", `"retry" if it may safely be sent twice; by its method if left out`, false, "retry", "ask"),
		},
		Returns: []effect.Field{
			field("status", effect.Int, "the status"),
			{Name: "headers", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "the response's headers, in lower case"},
			text("body", "the first 64 KiB of the response"),
			field("truncated", effect.Bool, "whether there was more"),
			field("json", effect.Any, "the response, if it is JSON"),
			field("seconds", effect.Duration, "how long it took"),
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
