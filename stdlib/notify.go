package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Notify declares telling people. A message whose outcome is unknown is
// neither repeated nor asked about: the run goes on.
func Notify() effect.Module {
	return effect.Module{Name: "notify", Doc: "Tell people what happens.", Ops: []effect.Op{{
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
	}}}
}
