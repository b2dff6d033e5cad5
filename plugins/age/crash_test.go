package age

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after a version is made, and ended:
// what is there can be opened, and is there once.
func TestKilled(t *testing.T) {
	dir, id, n := t.TempDir(), identity(t), 0
	config := obj{"dir": dir, "identity": id.String()}
	b := plugintest.Configured(t, New(), config)
	for _, op := range []string{"rotate", "revoke"} {
		t.Run(op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: config, Module: secrets.Module(), Op: op, Moments: 2, System: encrypted, Next: func(t *testing.T) plugintest.Round {
				n++
				name := fmt.Sprint("db/", op, n)
				opened := func() int { // of its versions
					paths, err := filepath.Glob(filepath.Join(dir, name, "0*.age"))
					if err != nil {
						t.Fatal(err)
					}
					for _, path := range paths {
						data, err := os.ReadFile(path)
						if err != nil {
							t.Fatal(err)
						}
						if text, err := decrypt(data, []age.Identity{id}); err != nil || string(text) != "correct horse" {
							t.Fatalf("%s holds %q, %v", path, text, err)
						}
					}
					return len(paths)
				}
				rotate := obj{"name": name, "value": "correct horse"}
				if op == "rotate" {
					return plugintest.Round{Args: rotate, There: func() bool { return opened() == 1 }}
				}
				if _, err := b.Invoke(t.Context(), plugins.Request{Op: "rotate", Key: name, Args: rotate}); err != nil {
					t.Fatal(err)
				}
				return plugintest.Round{Args: obj{"name": name, "version": "1"}, There: func() bool { return opened() == 0 }}
			}}.Run(t)
		})
	}
}
