package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is the program too: it runs itself as `runbook`, and that runs
// itself again for its plugins. It is the killer of runners as well.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"runbook": main, "killer": killer})
}

// TestScripts runs testdata/*.txtar, with -short those in which commands run at
// once. Each has a journal, a home and a configuration directory of its own.
// Beside testscript's commands there are those of script_test.go.
func TestScripts(t *testing.T) {
	scripts := scriptFiles(t)
	if testing.Short() {
		scripts = slices.DeleteFunc(scripts, func(path string) bool { return !atOnce(path) })
	}
	docs, err := filepath.Abs("../../docs/backends")
	if err != nil {
		t.Fatal(err)
	}
	books, err := filepath.Abs("../../examples/lab/runbooks")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:               scripts,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("RUNBOOK_UPDATE") != "",
		Condition: func(name string) (bool, error) {
			switch name {
			case "accounts":
				return canHaveAccounts()
			case "mount":
				return exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).Run() == nil, nil
			}
			return false, fmt.Errorf("there is no condition %s", name)
		},
		Setup: func(env *testscript.Env) error {
			config := filepath.Join(env.WorkDir, "runbook.yaml")
			if _, err := os.Stat(config); os.IsNotExist(err) {
				text := "version: 1\nenvironments:\n  default:\n    exec: { backend: exec }\n"
				if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
					return err
				}
			}
			// Sources may have come with the umask of whoever checked them out.
			if err := os.Chmod(config, 0o600); err != nil {
				return err
			}
			env.Setenv("RUNBOOK_DB", filepath.Join(env.WorkDir, ".state", "runbook.db"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, ".home"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, ".config"))
			env.Setenv("TZ", "UTC")
			env.Setenv("LAB_BOOKS", books)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Values[pagerKey{}] = &pagerBox{}
			return os.MkdirAll(filepath.Join(env.WorkDir, ".home"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":       code,
			"until":      until,
			"signal":     signal,
			"json":       jsonStream,
			"alter":      alter,
			"terminal":   terminal,
			"goplugin":   goPlugin,
			"service":    service,
			"named":      named,
			"powerdns":   powerDNS,
			"dnsapi":     dnsAPI,
			"sweep":      sweep,
			"hostile":    hostileFile,
			"postgres":   postgres,
			"sshds":      sshds,
			"printed":    printed,
			"pagerduty":  pagerduty,
			"statuspage": statusPage,
			"page":       pageExample(docs),
			"ipfsnodes":  ipfsNodes(t.TempDir()),
			"relay":      relay,
			"accounts":   accounts(filepath.Join(docs, "..", "operate.md")),

			"exampleplugin": examplePlugin,
		},
	})
}

func scriptFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts are in testdata (%v)", err)
	}
	return files
}

// atOnce reports whether commands of a script run at once, watch each other and are
// sent signals: there the race detector may find what it finds nowhere else.
func atOnce(path string) bool {
	return slices.Contains([]string{"crash.txtar", "hung.txtar", "look.txtar", "several_crash.txtar", "stop.txtar"}, filepath.Base(path))
}
