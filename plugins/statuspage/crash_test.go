package statuspage

import (
	"fmt"
	"os"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/notify"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after each word to customers: where
// it opens an incident, goes on with it and resolves it, they read it once.
func TestKilled(t *testing.T) {
	s := serve(t)
	b := backend(t, config(s.URL))
	n := 0
	for _, c := range []struct {
		what string
		args obj
	}{
		{"opens", obj{"title": "Errors"}},
		{"goes on", obj{"status": "identified"}},
		{"resolves", obj{"status": "resolved", "components": obj{"API": "operational"}}},
	} {
		t.Run(c.what, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: config(s.URL), Module: notify.Module(), Op: "publish", Moments: 1, System: api,
				Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
					r := plugintest.NewRelay(t, s.URL, at, true)
					return config(r.URL), r.Held
				},
				Next: func(t *testing.T) plugintest.Round {
					n++
					key, text := fmt.Sprint("incident-", n), fmt.Sprint("This is word ", n, ".")
					args := obj{"to": "customers", "key": key, "text": text}
					for k, v := range c.args {
						args[k] = v
					}
					if c.args["title"] == nil {
						must(t, b, "before "+key, obj{"key": key, "title": "Errors", "text": "We look into it."})
					}
					return plugintest.Round{Args: args, There: func() bool {
						times := 0
						for _, i := range s.Incidents(pageID) {
							for _, u := range i.Updates {
								if u.Text == text {
									times++
								}
							}
						}
						if times > 1 {
							t.Fatalf("customers read %q %d times", text, times)
						}
						return times == 1
					}}
				}}.Run(t)
		})
	}
}
