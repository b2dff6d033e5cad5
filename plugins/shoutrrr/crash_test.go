package shoutrrr

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/notify"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after a message, which comes at most
// once, for nothing sends it again.
func TestKilled(t *testing.T) {
	hook := startWebhook(t, http.StatusOK)
	config := func(url string) map[string]any {
		return map[string]any{"channels": map[string]any{"deployments": map[string]any{"url": "generic+" + url + "/hook"}}}
	}
	n := 0
	plugintest.Kills{Backend: plugintest.Configured(t, New(), config(hook.URL)), Config: config(hook.URL), Module: notify.Module(), Op: "send", Moments: 2, System: sinks,
		Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
			r := plugintest.NewRelay(t, hook.URL, at, true)
			return config(r.URL), r.Held
		},
		Next: func(t *testing.T) plugintest.Round {
			n++
			text := fmt.Sprintf("message %d is sent", n)
			times := func() int { return strings.Count(strings.Join(hook.got(), "\n"), text) }
			return plugintest.Round{Args: map[string]any{"to": "deployments", "text": text}, There: func() bool { return times() == 1 }, After: func() {
				if got := times(); got > 1 {
					t.Errorf("%q came %d times", text, got)
				}
			}}
		}}.Run(t)
}
