package pagerduty

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/pagerduty/pagerdutytest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// events is what takes pages here: the tests have no account of PagerDuty.
var events = plugintest.System{Name: "an Events API of the tests"}

func TestConformance(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall, manager)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: events,
		Config: config(sink.URL),
		Writes: []plugins.Request{
			{Op: "page", Args: obj{"to": "on-call", "text": "the database is gone"}},
			{Op: "page", Args: obj{"to": "manager", "text": "still gone", "key": "db", "severity": "error", "details": obj{"host": "db1"}}},
			{Op: "update", Args: obj{"to": "manager", "key": "db", "text": "a copy is being restored", "status": "acknowledged"}},
			{Op: "update", Args: obj{"to": "manager", "key": "db", "status": "resolved"}},
		},
		Reads: []plugins.Request{{Op: "acknowledged", Args: obj{"to": "manager", "key": "db"}}},
	})
	if woken := sink.Woken(); woken != 2 {
		t.Errorf("%d calls, want 2", woken)
	}
}
