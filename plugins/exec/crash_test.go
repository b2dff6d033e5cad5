package exec

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/exec"
)

// TestKilled kills the backend before, within and after what a program does. One that
// may run twice is run again and ends its work; of another nothing is there twice.
func TestKilled(t *testing.T) {
	dir, n := t.TempDir(), 0
	b := configured(t, map[string]any{"dir": dir})
	// A program stands for ever at a stop that is there, and says so.
	const line = `stand() { [ ! -e $1 ] || { : >held; while :; do sleep 0.02; done; }; }
		stand before; sleep 0.01; echo x >>$OUT; stand after`
	for _, recovery := range []effect.Recovery{effect.Retry, effect.Ask} {
		t.Run(string(recovery), func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: map[string]any{"dir": dir}, Module: contract.Module(), Op: "run", Moments: 2, System: programs,
				Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
					stop, held := filepath.Join(dir, string(at)), filepath.Join(dir, "held")
					if err := os.WriteFile(stop, nil, 0o600); err != nil {
						t.Fatal(err)
					}
					return map[string]any{"dir": dir}, func() bool {
						if os.Remove(held) != nil {
							return false
						}
						return os.Remove(stop) == nil // for the one who does it again
					}
				},
				Next: func(t *testing.T) plugintest.Round {
					n++
					out := fmt.Sprint("out", n)
					done := func() string { text, _ := os.ReadFile(filepath.Join(dir, out)); return string(text) }
					return plugintest.Round{Args: map[string]any{"shell": line, "env": map[string]any{"OUT": out}, "class": "write", "recovery": string(recovery)},
						There: func() bool { return done() != "" }, After: func() {
							if text := done(); recovery == effect.Ask && text != "" && text != "x\n" {
								t.Errorf("it was done %q", text)
							}
						}}
				}}.Run(t)
		})
	}
}
