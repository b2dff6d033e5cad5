package shoutrrr

import (
	"net/http"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var sinks = plugintest.System{Name: "a webhook and an SMTP server of the tests"}

func TestConformance(t *testing.T) {
	hook, box := startWebhook(t, http.StatusOK), startMailbox(t)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: sinks,
		Config: map[string]any{"channels": map[string]any{
			"deployments": map[string]any{"url": "generic+" + hook.URL + "/hook"},
			"oncall":      map[string]any{"url": "smtp://" + box.addr + "/?from=a@example.org&to=b@example.org&usestarttls=no", "title": "runbook"},
		}},
		Writes: []plugins.Request{
			{Op: "send", Args: map[string]any{"to": "deployments", "text": "hello"}},
			{Op: "send", Args: map[string]any{"to": "oncall", "text": "hello", "title": "green"}},
		},
	})
}
