package nginx

import (
	osexec "os/exec"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/internal/traffictest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestGateNoticesDrift: a gate reads the weights, where it cannot read the servers.
func TestGateNoticesDrift(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, nil)
	before := p.text(t)
	const watch = ` h.watch { env = "green", during = "2m", slo = { error_rate = "< 1%" } }`
	s := &traffictest.Stand{Backend: b, Window: func(int) {}}
	if err := s.Play(t, `t.split { green = 40, blue = 60 }`+watch); err != nil {
		t.Fatalf("while nothing changes: %v", err)
	}
	s.Windows = 0
	s.Window = func(n int) {
		if n == 2 { // somebody else writes the file, and reloads nginx
			p.write(t, p.file, before)
			if out, err := osexec.Command(p.bin, "-c", p.conf, "-s", "reload").CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			plugintest.Until(t, "nginx serves it", func() bool { return must(t, b, "weights", nil)["weights"].(map[string]any)["blue"] == 100.0 })
		}
	}
	err := s.Play(t, `t.switch { to = "green" }`+watch)
	if want := "traffic is not what this run set at main.lua:1: the configured pool: set were blue 0%, canary 0%, ghost 0%, green 100%; now blue 100%"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
	if s.Windows != 2 {
		t.Errorf("%d windows were measured", s.Windows)
	}
	// Written, and not reloaded: what is served is not what is set.
	s.Window = func(int) { p.write(t, p.file, before) }
	err = s.Play(t, `t.switch { to = "green" }`+watch)
	if want := "nginx serves blue 0%, canary 0%, ghost 0%, green 100%, and " + p.file + " says blue 100%"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
}
