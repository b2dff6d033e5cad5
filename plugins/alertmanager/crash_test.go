package alertmanager

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/health"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// active counts the silences of an alert that are in force, by Alertmanager's API.
func active(t *testing.T, address, alert string) int {
	t.Helper()
	resp, err := http.Get(address + "/api/v2/silences?filter=alertname=" + alert)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list []struct{ Status struct{ State string } }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range list {
		if s.Status.State == "active" {
			n++
		}
	}
	return n
}

// killed kills the backend before, within and after each change of silences: each is
// made once, and ended.
func killed(t *testing.T, b *Backend, address string) {
	moments := 2
	if testing.Short() {
		moments = 0
	}
	for _, op := range []string{"silence", "unsilence"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel() // it waits for what may still be on its way
			n := 0
			plugintest.Kills{Backend: b, Config: config(address), Module: health.Module(), Op: op, System: testedOn(t), Moments: moments, Next: func(t *testing.T) plugintest.Round {
				n++
				alert := fmt.Sprint("Killed", op, n)
				args := obj{"match": obj{"alertname": alert}, "lasts": "10m", "why": "a test"}
				if op == "silence" {
					return plugintest.Round{Args: args, There: func() bool { return active(t, address, alert) == 1 }}
				}
				made, err := invoke(t, b, alert, "silence", args)
				if err != nil {
					t.Fatal(err)
				}
				return plugintest.Round{Args: obj{"id": made["id"]}, There: func() bool { return active(t, address, alert) == 0 }}
			}}.Run(t)
		})
	}
}
