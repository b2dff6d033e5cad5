package interpreter_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/stdlib"
)

const module = "github.com/q-ecosystem/runbook/"

// mayImport is the dependency table: which packages of this project a package
// may import, directly. A trailing slash covers everything below.
var mayImport = map[string][]string{
	"interpreter/lazyregexp":            {},
	"interpreter/effect":                {},
	"interpreter/redact":                {"interpreter/effect"},
	"interpreter/window":                {"interpreter/effect"},
	"interpreter/script":                {"interpreter/effect", "interpreter/lazyregexp", "interpreter/script/internal/", "interpreter/window"},
	"interpreter/script/check":          {"interpreter/effect", "interpreter/lazyregexp", "interpreter/script", "interpreter/script/internal/"},
	"interpreter/script/internal/":      {"interpreter/effect", "interpreter/lazyregexp", "interpreter/window"},
	"interpreter/journal":               {"interpreter/effect"},
	"interpreter/journal/journaltest":   {"interpreter/effect", "interpreter/journal"},
	"interpreter/history":               {"interpreter/effect"},
	"interpreter/replay":                {"interpreter/effect", "interpreter/history"},
	"interpreter/simulate":              {"interpreter/effect", "interpreter/lazyregexp", "interpreter/history"},
	"interpreter":                       {"interpreter/effect", "interpreter/script", "interpreter/script/check", "interpreter/journal", "interpreter/history", "interpreter/redact", "interpreter/replay", "interpreter/simulate", "interpreter/window"},
	"interpreter/rehearse":              {"interpreter", "interpreter/effect", "interpreter/script", "interpreter/script/check", "interpreter/journal", "interpreter/history", "interpreter/redact", "interpreter/replay", "interpreter/simulate", "interpreter/window"},
	"interpreter/booktest":              {"interpreter/rehearse", "interpreter/effect", "interpreter/history", "interpreter/script", "interpreter/simulate"},
	"stdlib":                            {"interpreter/effect", "interpreter/lazyregexp", "stdlib/"},
	"stdlib/*":                          {"interpreter/effect", "interpreter/lazyregexp", "stdlib/internal/"},
	"stdlib/internal/":                  {"interpreter/effect", "interpreter/lazyregexp", "stdlib/internal/"},
	"plugins":                           {"interpreter/effect", "interpreter/redact", "plugins/internal/wire"},
	"plugins/internal/wire":             {"interpreter/effect"},
	"plugins/host":                      {"interpreter/effect", "interpreter/redact", "plugins", "plugins/internal/output", "plugins/internal/wire"},
	"plugins/plugintest":                {"interpreter/effect", "plugins", "plugins/host", "plugins/internal/wire", "stdlib", "stdlib/"},
	"plugins/prometheus/prometheustest": {},
	"plugins/pagerduty/pagerdutytest":   {},
	"plugins/statuspage/statuspagetest": {},
	"plugins/kubo/kubotest":             {},
	"plugins/internal/database":         {"interpreter/effect", "interpreter/lazyregexp", "plugins", "stdlib/db"},
	"plugins/internal/databasetest":     {"interpreter/effect", "plugins", "plugins/plugintest", "stdlib", "stdlib/"},
	"plugins/internal/health":           {"interpreter/effect"},
	"plugins/internal/plainjson":        {},
	"plugins/internal/output":           {"interpreter/redact", "plugins/internal/plainjson"},
	"plugins/internal/post":             {"interpreter/effect"},
	"plugins/internal/program":          {"interpreter/effect", "interpreter/redact", "plugins/internal/output", "plugins/internal/supervisor"},
	"plugins/internal/supervisor":       {},
	"plugins/internal/remote":           {"interpreter/effect", "plugins/internal/output", "stdlib/hosts"},
	"plugins/internal/remotetest":       {},
	"plugins/internal/portion":          {"interpreter/effect", "plugins", "stdlib/traffic"},
	"plugins/internal/recordset":        {"interpreter/effect", "plugins", "plugins/internal/post", "stdlib", "stdlib/dns"},
	"plugins/internal/recordsettest":    {"interpreter/effect", "plugins", "plugins/internal/recordset", "plugins/plugintest", "stdlib"},
	"plugins/internal/traffictest":      {"interpreter/effect", "interpreter/script", "plugins", "stdlib"},
	"plugins/internal/versions":         {"interpreter/effect", "interpreter/lazyregexp", "plugins"},
	"plugins/*":                         {"interpreter/effect", "interpreter/lazyregexp", "interpreter/redact", "plugins", "plugins/internal/database", "plugins/internal/health", "plugins/internal/output", "plugins/internal/plainjson", "plugins/internal/post", "plugins/internal/program", "plugins/internal/remote", "plugins/internal/portion", "plugins/internal/recordset", "plugins/internal/versions", "stdlib", "stdlib/"},
	"runbooks":                          {},
	"cmd/":                              {"cmd/", "interpreter", "interpreter/", "stdlib", "stdlib/", "plugins", "plugins/", "runbooks", "examples/"},
	"examples/":                         {"examples/", "interpreter/effect", "plugins", "stdlib"},
	"examples/lab/systems":              {"plugins/kubo/kubotest", "plugins/pagerduty/pagerdutytest", "plugins/statuspage/statuspagetest"},

	"plugins/alertmanager/alertmanagertest": {},
	"plugins/cloudflare/cloudflaretest":     {},
	"plugins/route53/route53test":           {},
}

// onlyImporters names the packages that alone may import a library. A trailing
// slash covers everything below.
var onlyImporters = map[string][]string{
	"github.com/yuin/gopher-lua":     {"interpreter/script", "interpreter/script/"},
	"database/sql":                   {"interpreter/journal", "plugins/internal/database", "plugins/mariadb", "plugins/sqlite"},
	"github.com/mattn/go-sqlite3":    {"interpreter/journal", "plugins/sqlite"},
	"github.com/hashicorp/go-plugin": {"plugins", "plugins/host", "plugins/internal/wire"},
	"github.com/spf13/cobra":         {"cmd/runbook/internal/cli", "cmd/runbook/internal/cli/"},
}

func TestImports(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "../...")
	list.Env = append(os.Environ(), "GOWORK=off") // this module alone, in whichever workspace it is
	out, err := list.Output()
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
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !covered(pkg, importers) {
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

// tableRow finds the row for a package: its own, that of a backend or of a
// standard module, or that of a folder.
func tableRow(pkg string) ([]string, bool) {
	if row, ok := mayImport[pkg]; ok {
		return row, true
	}
	for _, dir := range []string{"plugins/", "stdlib/"} {
		if rest, ok := strings.CutPrefix(pkg, dir); ok && !strings.Contains(rest, "/") {
			return mayImport[dir+"*"], true
		}
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

// TestTheEngineNamesNoModule: what only one module needs stands in the module,
// so that a module of somebody else's can have it too. A text that is the name
// of a standard module, or of an op of one, is a decision by that name.
func TestTheEngineNamesNoModule(t *testing.T) {
	named := map[string]bool{}
	for _, m := range stdlib.Modules() {
		if m.Name != "secrets" { // also what a scenario calls its test secrets
			named[m.Name] = true
		}
		for _, op := range m.Members() {
			named[m.Name+"."+op] = true
		}
		named[m.Name+"."] = true
	}
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "journaltest") {
			return err
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && named[text] {
					t.Errorf("%s: the engine names %q", set.Position(lit.Pos()), text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("%d files were read; the test looks at the wrong place", files)
	}
}
