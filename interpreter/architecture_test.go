package interpreter_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/q-ecosystem/runbook/"

// mayImport is the dependency table: which packages of this project a package
// may import, directly. A trailing slash covers everything below.
var mayImport = map[string][]string{
	"interpreter/effect":                {},
	"interpreter/script":                {"interpreter/effect"},
	"interpreter/journal":               {"interpreter/effect"},
	"interpreter/journal/journaltest":   {"interpreter/effect", "interpreter/journal"},
	"interpreter/replay":                {"interpreter/effect"},
	"interpreter/simulate":              {"interpreter/effect"},
	"interpreter":                       {"interpreter/effect", "interpreter/script", "interpreter/journal", "interpreter/replay", "interpreter/simulate"},
	"interpreter/booktest":              {"interpreter", "interpreter/effect", "interpreter/script", "interpreter/simulate"},
	"stdlib":                            {"interpreter/effect"},
	"plugins":                           {"interpreter/effect", "plugins/internal/wire"},
	"plugins/internal/wire":             {"interpreter/effect"},
	"plugins/host":                      {"interpreter/effect", "plugins", "plugins/internal/wire"},
	"plugins/plugintest":                {"interpreter/effect", "plugins", "plugins/host", "plugins/internal/wire", "stdlib"},
	"plugins/prometheus/prometheustest": {},
	"plugins/internal/health":           {"interpreter/effect"},
	"plugins/*":                         {"interpreter/effect", "plugins", "plugins/internal/health", "stdlib"},
	"runbooks":                          {},
	"cmd/":                              {"cmd/", "interpreter", "interpreter/", "stdlib", "plugins", "plugins/", "runbooks", "examples/"},
	"examples/":                         {"examples/", "interpreter/effect", "plugins", "stdlib"},
}

// onlyImporters names the packages that alone may import a library.
var onlyImporters = map[string][]string{
	"github.com/yuin/gopher-lua":     {"interpreter/script"},
	"database/sql":                   {"interpreter/journal"},
	"github.com/mattn/go-sqlite3":    {"interpreter/journal"},
	"github.com/hashicorp/go-plugin": {"plugins", "plugins/host", "plugins/internal/wire"},
	"github.com/spf13/cobra":         {"cmd/runbook/internal/cli"},
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "../...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		pkg, ok := strings.CutPrefix(words[0], module)
		if !ok {
			t.Fatalf("package %s is not of this module", words[0])
		}
		seen++
		allowed, known := tableRow(pkg)
		if !known {
			t.Errorf("package %s stands in no row of the dependency table", pkg)
			continue
		}
		for _, imp := range words[1:] {
			if own, ok := strings.CutPrefix(imp, module); ok {
				if !covered(own, allowed) {
					t.Errorf("%s imports %s; the table allows %v", pkg, own, allowed)
				}
				continue
			}
			for lib, importers := range onlyImporters {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !slices.Contains(importers, pkg) {
					t.Errorf("%s imports %s; only %v may", pkg, imp, importers)
				}
			}
			if pkg == "interpreter/effect" && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				t.Errorf("interpreter/effect imports %s; it is to rest on the standard library alone", imp)
			}
		}
	}
	if seen < 15 {
		t.Errorf("go list named %d packages; the test looks at the wrong place", seen)
	}
}

// tableRow finds the row for a package: its own, that of a backend, or that of
// a folder.
func tableRow(pkg string) ([]string, bool) {
	if row, ok := mayImport[pkg]; ok {
		return row, true
	}
	if rest, ok := strings.CutPrefix(pkg, "plugins/"); ok && !strings.Contains(rest, "/") {
		return mayImport["plugins/*"], true
	}
	for dir, row := range mayImport {
		if strings.HasSuffix(dir, "/") && strings.HasPrefix(pkg, dir) {
			return row, true
		}
	}
	return nil, false
}

func covered(pkg string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		return pkg == a || strings.HasSuffix(a, "/") && strings.HasPrefix(pkg, a)
	})
}
