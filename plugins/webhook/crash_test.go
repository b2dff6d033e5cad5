package webhook

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/notify"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// sent returns how often a request was sent, and whether it was taken.
func (r *receiver) sent(id string) (times int, taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.times[id], r.taken[id] != nil
}

// TestKilled kills the backend before, within and after each request. A message comes
// at most once, for nothing sends it again; pages and their updates come again with
// the same webhook-id, which is what makes one of them.
func TestKilled(t *testing.T) {
	r := startReceiver(t, secret)
	b := backend(t, config(r.url))
	n := 0
	for op, args := range map[string]obj{
		"send":   {"to": "deployments", "text": "hello"},
		"page":   {"to": "on-call", "text": "fire"},
		"update": {"to": "on-call", "key": "k", "status": "resolved"},
	} {
		t.Run(op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: config(r.url), Module: notify.Module(), Op: op, Moments: 1, System: receives,
				Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
					relay := plugintest.NewRelay(t, strings.TrimSuffix(r.url, "/hook"), at, true)
					return config(relay.URL + "/hook"), relay.Held
				},
				Next: func(t *testing.T) plugintest.Round {
					n++
					key := fmt.Sprint("killed-", n)
					return plugintest.Round{Key: key, Args: args, There: func() bool { _, taken := r.sent(key); return taken }, After: func() {
						if times, _ := r.sent(key); op == "send" && times > 1 {
							t.Errorf("the message came %d times", times)
						}
					}}
				}}.Run(t)
		})
	}
}
