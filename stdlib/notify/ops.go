package notify

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// Module returns what there is under the name notify.
func Module() effect.Module {
	key := field.Need("key", "what page returned")
	pager := field.Need("to", "the one that was paged, as in page")
	status := field.Choice("status", "how far the page is", false, "triggered", "acknowledged", resolved)
	return effect.Module{Name: "notify", Doc: "Tell people what happens.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Invariants: invariants(), Tells: true,
		Ops: []effect.Op{
			{
				Module: "notify", Name: "send", Doc: "Send a message to a configured channel",
				Class: effect.Irreversible, Recovery: effect.Forgo,
				Args: []effect.Field{
					{Name: "to", Type: effect.String, Required: true, Doc: "a channel of the configuration"},
					{Name: "text", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "the message"},
					{Name: "title", Type: effect.String, Doc: "a subject, where the service has one"},
				},
				Returns: []effect.Field{
					{Name: "sent", Type: effect.Bool, Doc: "false if it is not known whether it was sent"},
				},
			},
			{
				Module: "notify", Name: "page", Doc: "Call someone who is on duty; a page with the key of an open one adds to that",
				Class: effect.Write, Recovery: effect.Retry, RaisesUnknown: true,
				Args: append([]effect.Field{field.Need("to", "a service or an escalation policy of the configuration"),
					field.Text("key", "what names the page at its service; this effect's own if left out")}, alarm()...),
				Returns: []effect.Field{field.Text("key", "what acknowledged and update take"), status},
			},
			{
				Module: "notify", Name: "acknowledged", Doc: "Read whether someone took a page on", Class: effect.Read, Answers: true,
				Args: []effect.Field{pager, key},
				Returns: []effect.Field{
					field.Of("acknowledged", effect.Bool, "whether someone did, or it is resolved"), status,
					field.Text("by", "who"), field.Of("at", effect.Number, "when, in seconds since 1970")},
			},
			{
				Module: "notify", Name: "update", Doc: "Add to a page, or set its status", Class: effect.Write, Recovery: effect.Retry,
				RaisesUnknown: true,
				Args: []effect.Field{pager, key, field.Text("text", "what is new"),
					field.Choice("status", "its new status; unchanged if left out", false, "acknowledged", resolved)},
				Returns: []effect.Field{status},
				Validate: func(args map[string]any) error {
					if args["text"] == nil && args["status"] == nil {
						return &effect.FieldError{Problem: "says nothing new", Hint: `give text, or status = "resolved"`}
					}
					return nil
				},
			},
			publish(),
		}, Composites: []effect.Composite{escalate()}}
}

// alarm returns the arguments that say what is wrong.
func alarm() []effect.Field {
	return []effect.Field{field.Need("text", "what is wrong, in one line"),
		field.Choice("severity", "how bad it is", true, "critical", "error", "warning", "info"),
		{Name: "details", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "what the one who comes should know"}}
}
