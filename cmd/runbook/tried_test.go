package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

const (
	backendPages = "../../docs/backends"
	triedHead    = "| module | backend | tried on | conformance | model | kills |\n|---|---|---|--:|--:|--:|\n"
)

// TestTriedBackends holds the table of docs/backends against the backends that
// are there. Which versions it names is not looked at. With RUNBOOK_TRIED (`make
// backends`) it first takes what the backends' own tests have put there.
func TestTriedBackends(t *testing.T) {
	page := filepath.Join(backendPages, "README.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	front, table, found := strings.Cut(string(text), triedHead)
	if !found {
		t.Fatalf("%s has no table that begins with\n%s", page, triedHead)
	}
	rows := readRows(t, table)
	if dir := os.Getenv("RUNBOOK_TRIED"); dir != "" {
		rows = replaceRows(rows, readTried(t, dir))
		if err := os.WriteFile(page, []byte(front+triedHead+strings.Join(printRows(rows), "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tried, spared := map[string]string{}, map[string]bool{}
	for _, row := range rows {
		tried[row.Backend] = row.Module
		spared[row.Backend] = spared[row.Backend] || row.Kills == 0
		if _, err := os.Stat(filepath.Join(backendPages, row.Backend+".md")); err != nil {
			t.Errorf("%s has a row for %s, which has no page", page, row.Backend)
		}
	}
	program := &app.App{}
	for _, name := range program.Builtins() {
		b, _ := program.Builtin(name)
		if module := b.Describe().Module; tried[name] != module {
			t.Errorf("%s has no row of %s for %s: make backends PKG=./plugins/…", page, module, name)
		}
		writes := slices.ContainsFunc(b.Describe().Ops, func(op effect.Op) bool { return op.Class.Writes() })
		if spared[name] == writes {
			t.Errorf("%s: the backend %s writes: %t, and was never killed at it on one of its systems: %t", page, name, writes, spared[name])
		}
		if _, err := os.Stat(filepath.Join(backendPages, name+".md")); err != nil {
			t.Errorf("the backend %s has no page in docs/backends", name)
		}
	}
}

// readTried adds up what was recorded, by backend and system.
func readTried(t *testing.T, dir string) []plugintest.Tried {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing was recorded in %s: %v", dir, err)
	}
	sum, modules := map[string]plugintest.Tried{}, map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var one plugintest.Tried
		if err := json.Unmarshal(data, &one); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		key := one.Backend + " " + one.Name
		all := sum[key]
		one.Cases, one.Ops, one.Kills = one.Cases+all.Cases, one.Ops+all.Ops, one.Kills+all.Kills
		sum[key] = one
		modules[one.Backend] = cmp.Or(one.Module, modules[one.Backend])
	}
	out := slices.Collect(maps.Values(sum))
	for i := range out {
		out[i].Module = modules[out[i].Backend]
	}
	return out
}

// replaceRows takes the rows of all backends that were tried out, and puts what
// came out in their place.
func replaceRows(rows, tried []plugintest.Tried) []plugintest.Tried {
	rows = slices.DeleteFunc(rows, func(old plugintest.Tried) bool {
		return slices.ContainsFunc(tried, func(now plugintest.Tried) bool { return now.Backend == old.Backend })
	})
	rows = append(rows, tried...)
	slices.SortFunc(rows, func(a, b plugintest.Tried) int {
		return cmp.Or(cmp.Compare(a.Module, b.Module), cmp.Compare(a.Backend, b.Backend), cmp.Compare(a.Name, b.Name))
	})
	return rows
}

var triedRow = regexp.MustCompile(`^\| ([a-z0-9_]+) \| \[([a-z0-9_]+)\]\([a-z0-9_]+\.md\) \| (.+?)(?: (\d[^ ]*))? \| (\d+) \| (\d*) \| (\d*) \|$`)

func readRows(t *testing.T, table string) []plugintest.Tried {
	t.Helper()
	var rows []plugintest.Tried
	for line := range strings.Lines(table) {
		m := triedRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			t.Fatalf("this is no row of the table: %s", line)
		}
		row := plugintest.Tried{Module: m[1], Backend: m[2], System: plugintest.System{Name: m[3], Version: m[4]}}
		_, _ = fmt.Sscan(m[5], &row.Cases)
		_, _ = fmt.Sscan(m[6], &row.Ops)
		_, _ = fmt.Sscan(m[7], &row.Kills)
		rows = append(rows, row)
	}
	return rows
}

func printRows(rows []plugintest.Tried) []string {
	var out []string
	for _, row := range rows {
		count := func(n int) string {
			if n == 0 {
				return ""
			}
			return fmt.Sprint(n)
		}
		out = append(out, fmt.Sprintf("| %s | [%s](%s.md) | %s | %d | %s | %s |\n", row.Module, row.Backend, row.Backend,
			strings.TrimSpace(row.Name+" "+row.Version), row.Cases, count(row.Ops), count(row.Kills)))
	}
	return out
}
