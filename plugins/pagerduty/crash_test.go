package pagerduty

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/pagerduty/pagerdutytest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/notify"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after each event and note, and does
// it again, as the recovery retry says: someone is called once, and told once.
func TestKilled(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall, manager)
	b := backend(t, config(sink.URL))
	n := 0
	for _, c := range []struct {
		what, op string
		args     obj
		there    func(key string, woken int) bool
	}{
		{"page", "page", obj{"text": "the database is gone"}, func(key string, woken int) bool {
			return sink.Woken() == woken+1 && sink.Pages()[key].Status == "triggered"
		}},
		{"its own key", "page", obj{"text": "the database is gone", "key": ""}, func(_ string, woken int) bool { return sink.Woken() == woken+1 }},
		{"status", "update", obj{"status": "acknowledged"}, func(key string, woken int) bool {
			return sink.Pages()[key].Status == "acknowledged" && sink.Woken() == woken
		}},
		{"text", "update", obj{"text": "a copy is restored"}, func(key string, woken int) bool {
			return strings.Count(strings.Join(sink.Pages()[key].Said, "\n"), "a copy is restored") == 1 && sink.Woken() == woken
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: config(sink.URL), Module: notify.Module(), Op: c.op, Moments: 1, System: events,
				Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
					r := plugintest.NewRelay(t, sink.URL, at, true)
					return config(r.URL), r.Held
				},
				Next: func(t *testing.T) plugintest.Round {
					n++
					key, args := fmt.Sprint("killed-", n), obj{"to": "on-call"}
					args["key"] = key
					for k, v := range c.args {
						if args[k] = v; v == "" {
							delete(args, k)
						}
					}
					if c.op == "update" {
						if _, err := invoke(t, b, key, "page", obj{"to": "on-call", "key": key, "text": "the database is gone"}); err != nil {
							t.Fatal(err)
						}
					}
					woken := sink.Woken()
					return plugintest.Round{Args: args, There: func() bool { return c.there(key, woken) }}
				}}.Run(t)
		})
	}
}
