package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Notify declares telling people. A message whose outcome is unknown is
// neither repeated nor asked about: the run goes on. A page is known to its
// service by a key, so that saying it twice wakes nobody twice.
func Notify() effect.Module {
	key := need("key", "what page returned")
	pager := need("to", "the one that was paged, as in page")
	status := choice("status", "how far the page is", false, "triggered", "acknowledged", "resolved")
	return effect.Module{Name: "notify", Doc: "Tell people what happens.", Ops: []effect.Op{
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
			Class: effect.Write, Recovery: effect.Retry,
			Args: append([]effect.Field{need("to", "a service or an escalation policy of the configuration"),
				text("key", "what names the page at its service; this effect's own if left out")}, alarm()...),
			Returns: []effect.Field{text("key", "what acknowledged and update take"), status},
		},
		{
			Module: "notify", Name: "acknowledged", Doc: "Read whether someone took a page on", Class: effect.Read,
			Args: []effect.Field{pager, key},
			Returns: []effect.Field{
				field("acknowledged", effect.Bool, "whether someone did, or it is resolved"), status,
				text("by", "who"), field("at", effect.Number, "when, in seconds since 1970")},
		},
		{
			Module: "notify", Name: "update", Doc: "Add to a page, or set its status", Class: effect.Write, Recovery: effect.Retry,
			Args: []effect.Field{pager, key, text("text", "what is new"),
				choice("status", "its new status; unchanged if left out", false, "acknowledged", "resolved")},
			Returns: []effect.Field{status},
			Validate: func(args map[string]any) error {
				if args["text"] == nil && args["status"] == nil {
					return &effect.FieldError{Problem: "says nothing new", Hint: `give text, or status = "resolved"`}
				}
				return nil
			},
		},
	}, Composites: []effect.Composite{escalate()}}
}

// alarm returns the arguments that say what is wrong.
func alarm() []effect.Field {
	return []effect.Field{need("text", "what is wrong, in one line"),
		choice("severity", "how bad it is", true, "critical", "error", "warning", "info"),
		{Name: "details", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "what the one who comes should know"}}
}
