package files

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/files"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after an archive is made: it is
// whole, as tar says, or is not there.
func TestKilled(t *testing.T) {
	dir := tree(t, map[string]string{"logs/app.log": strings.Repeat("line\n", 2e5), "logs/old.log": "old", "out/other": ""})
	c := obj{"roots": []any{dir}, "archives": []any{dir + "/out"}, "dir": dir}
	n := 0
	plugintest.Kills{Backend: backend(t, c), Config: c, Module: contract.Module(), Op: "archive", System: plugintest.System{Name: "files"}, Moments: 4, Next: func(t *testing.T) plugintest.Round {
		n++
		to := fmt.Sprintf("out/%d.tar.gz", n)
		return plugintest.Round{Args: obj{"paths": []any{"logs"}, "to": to}, There: func() bool {
			_, err := os.Stat(filepath.Join(dir, to))
			return err == nil
		}, After: func() {
			said, err := exec.Command("tar", "-tzf", filepath.Join(dir, to)).CombinedOutput()
			if err != nil || strings.Count(string(said), "\n") < 3 {
				t.Errorf("%s: %v: %s", to, err, said)
			}
		}}
	}}.Run(t)
}
