package file

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after a version is made, and before
// one is ended: what is there is whole, and there once.
func TestKilled(t *testing.T) {
	dir, n := t.TempDir(), 0
	b := backend(t, dir)
	for _, op := range []string{"rotate", "revoke"} {
		t.Run(op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: obj{"dir": dir}, Module: secrets.Module(), Op: op, Moments: 4, System: files, Next: func(t *testing.T) plugintest.Round {
				n++
				name, args := fmt.Sprint("db/", op, n), obj{}
				args["name"] = name
				found := func(pattern string) int {
					paths, err := filepath.Glob(filepath.Join(dir, name, pattern))
					if err != nil {
						t.Fatal(err)
					}
					return len(paths)
				}
				if op == "revoke" {
					if _, err := do(t, b, "rotate", name, obj{"name": name, "value": "hunter22"}); err != nil {
						t.Fatal(err)
					}
					args["version"] = "1"
					return plugintest.Round{Args: args, There: func() bool { return found("0001-*.revoked") == 1 && found("0001-*") == 1 }}
				}
				args["value"] = "correct horse"
				return plugintest.Round{Args: args, There: func() bool { return found("000*") == 1 }, After: func() {
					data, err := filepath.Glob(filepath.Join(dir, name, "0001-*"))
					if err != nil || len(data) != 1 || found(".*") > 0 {
						t.Fatalf("there are %v, %v, and %d hidden", data, err, found(".*"))
					}
					if text, err := os.ReadFile(data[0]); err != nil || string(text) != "correct horse" {
						t.Errorf("the version holds %q, %v", text, err)
					}
				}}
			}}.Run(t)
		})
	}
}
