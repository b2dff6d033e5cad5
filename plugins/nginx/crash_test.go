package nginx

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// said is what the status of the pool tells, past the backend.
func (p *proxy) said(t *testing.T) string {
	t.Helper()
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + p.status + "/runbook/web")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestKilled kills the backend before, within and after each change: with the file
// written and nginx not told yet, and with nginx told and nobody answered.
func TestKilled(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, map[string]any{"timeout": "3s"}) // it waits for what may be on its way
	moments := 3
	if testing.Short() {
		moments = 1
	}
	for _, c := range []struct {
		op     string
		args   map[string]any
		serves string
	}{
		{"split", map[string]any{"green": 40.0, "blue": 60.0}, " web-blue=60 web-green=40"},
		{"switch", map[string]any{"to": "green"}, " web-green=100"},
	} {
		t.Run(c.op, func(t *testing.T) {
			there := func() bool {
				return strings.HasSuffix(p.said(t), c.serves) && strings.Contains(p.text(t), c.serves+`"`)
			}
			plugintest.Kills{Backend: b, Config: p.config(nil), Module: traffic.Module(), Op: c.op, Moments: moments, System: tried(t),
				Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
					reached := filepath.Join(t.TempDir(), "reached")
					stop := fmt.Sprintf(": >%[1]s; while [ -e %[1]s ]; do sleep 0.05; done", reached) // the folder goes with the test
					do, more := fmt.Sprintf("%s -c %s", p.bin, p.conf), map[string]any{}
					if at == plugintest.Before {
						more["test"] = []any{"sh", "-c", do + " -T; " + stop}
					} else {
						more["reload"] = []any{"sh", "-c", do + " -s reload; " + stop}
					}
					return p.config(more), func() bool {
						_, err := os.Stat(reached)
						return err == nil && (at == plugintest.Before || there())
					}
				},
				Next: func(t *testing.T) plugintest.Round {
					must(t, b, "switch", map[string]any{"to": "blue"})
					return plugintest.Round{Args: c.args, There: there}
				}}.Run(t)
		})
	}
}
