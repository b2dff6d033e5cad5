package notify

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// resolved is the last status of a page, and of an incident on a status page.
const resolved = "resolved"

// publish is notify.publish: one op opens, goes on with and resolves an incident
// on a status page, as one message after another is written there.
func publish() effect.Op {
	progress := field.Choice("status", "how far it is; investigating where this opens it, unchanged otherwise", false,
		"investigating", "identified", "monitoring", resolved)
	return effect.Op{
		Module: "notify", Name: "publish", Doc: "Tell customers on a status page: open an incident there, add to it, resolve it",
		Class: effect.Write, Recovery: effect.Observe,
		Args: []effect.Field{
			field.Need("to", "a status page of the configuration"),
			field.Need("text", "what customers read, beside the time"),
			field.Text("title", "what the incident is called: opens one, unless one of this key is open"),
			field.Text("key", "what names the incident; this effect's own where it opens one and says none"),
			progress,
			{Name: "components", Type: effect.Map, Doc: `how parts of the service are from now on, by their names on the page: { API = "partial_outage" }`,
				Elem: &effect.Field{Type: effect.Enum, Enum: []string{operational, "degraded_performance", "partial_outage", "major_outage", "under_maintenance"}}},
			field.Choice("impact", "how bad it is; as the page makes it of its components if left out", false, "none", "minor", "major", "critical"),
			field.Of("quiet", effect.Bool, "whether subscribers get no message of it"),
		},
		Returns: []effect.Field{field.Text("key", "what the next publish about this incident takes"), progressOf(progress),
			field.Of("opened", effect.Bool, "whether this opened the incident"), field.Text("url", "where it can be read, if the page tells")},
		Validate: func(args map[string]any) error {
			title, _ := args["title"].(string)
			if key, _ := args["key"].(string); title == "" && key == "" {
				return &effect.FieldError{Problem: "neither opens an incident nor names one",
					Hint: "give a title to open one, or the key that the publish which opened it returned"}
			}
			return nil
		},
	}
}

// operational is the state of a component that has nothing.
const operational = "operational"

func progressOf(f effect.Field) effect.Field {
	f.Doc = "how far the incident is"
	return f
}
