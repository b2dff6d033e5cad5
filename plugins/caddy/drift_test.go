package caddy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/internal/traffictest"
)

// TestGateNoticesDrift: a gate holds against what a run has set what Caddy has
// after its file was loaded, after a restart, and with another policy.
func TestGateNoticesDrift(t *testing.T) {
	s := start(t)
	b := s.backend(t, nil)
	const watch = ` h.watch { env = "green", during = "2m", slo = { error_rate = "< 1%" } }`
	stand := &traffictest.Stand{Backend: b, Window: func(int) {}}
	if err := stand.Play(t, `t.split { green = 40, blue = 60 }`+watch); err != nil {
		t.Fatalf("while nothing changes: %v", err)
	}
	const gone = "traffic is not what this run set at main.lua:1: the configured pool: set were blue 0%, canary 0%, green 100%; now blue 100%, canary 0%, green 0%"
	for what, c := range map[string]struct {
		change func()
		says   string
	}{
		"its file is loaded": {func() { s.set(t, http.MethodPost, "/load", s.conf) }, gone},
		"it is restarted":    {func() { s.stop(); s.run(t) }, gone},
		"another policy": {func() {
			s.set(t, http.MethodPost, "/id/web/load_balancing", `{"selection_policy":{"policy":"first"}}`)
		}, "Caddy divides by the policy first and not by weights"},
		"no policy": {func() { s.set(t, http.MethodDelete, "/id/web/load_balancing", "") }, "Caddy divides by the policy random and not by weights"},
	} {
		stand.Windows, stand.Window = 0, func(n int) {
			if n == 2 {
				c.change()
			}
		}
		err := stand.Play(t, `t.switch { to = "green" }`+watch)
		if err == nil || !strings.Contains(err.Error(), c.says) || stand.Windows != 2 {
			t.Errorf("%s: after %d windows %v", what, stand.Windows, err)
		}
	}
}
