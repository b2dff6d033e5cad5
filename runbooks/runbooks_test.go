package runbooks_test

import (
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/booktest"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/runbooks"
	"github.com/q-ecosystem/runbook/stdlib"
)

// TestRunbooks runs the tests that stand beside the shipped runbooks, as
// `runbook test` does, and wants every statement of them covered but those
// named here.
func TestRunbooks(t *testing.T) {
	catalog, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(runbooks.Files, "*"+booktest.Suffix)
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests beside the runbooks: %v", err)
	}
	cover := script.NewCoverage() // of all tests together: files that several require are covered by several
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, booktest.Suffix), func(t *testing.T) {
			tests, err := booktest.Run(t.Context(), runbooks.Files, file, booktest.Options{Catalog: catalog,
				Cover: cover, Workers: runtime.GOMAXPROCS(0)})
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range tests {
				t.Run(test.Name, func(t *testing.T) {
					t.Logf("%d runs, %d schedules, %s", test.Runs, test.Schedules, test.Took)
					if !test.Passed() {
						t.Error("\n" + test.Text())
					}
				})
			}
		})
	}
	seen := map[string]bool{}
	for _, c := range booktest.CoverageOf(cover) {
		seen[c.File] = true
		t.Logf("%s: %.1f%% of %d statements", c.File, c.Percent(), c.Statements)
		if c.Percent() < 100 {
			t.Errorf("%s is not covered:\n%s", c.File, c.Text())
		}
	}
	for _, pattern := range []string{"*.lua", "lib/*.lua"} {
		shipped, err := fs.Glob(runbooks.Files, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range shipped {
			if !strings.HasSuffix(file, booktest.Suffix) && !seen[file] {
				t.Errorf("no test runs %s", file)
			}
		}
	}
}
