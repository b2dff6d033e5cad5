package runbooks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCoverageTable: each row of docs/coverage.md has its three cells, and the
// test that it names is there.
func TestCoverageTable(t *testing.T) {
	text, err := os.ReadFile("../docs/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for n, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| of the document ") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 3 || cells[0] == "" || cells[1] == "" {
			t.Errorf("docs/coverage.md:%d: %d cells, want three: %s", n+1, len(cells), line)
			continue
		}
		file, name, ok := strings.Cut(cells[2], "`: ")
		file = strings.TrimPrefix(file, "`")
		shown, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(file)))
		if !ok || name == "" || err != nil || !names(file, string(shown), name) {
			t.Errorf("docs/coverage.md:%d: %s shows nothing of the name %q: %v", n+1, file, name, err)
		}
	}
	if rows < 30 {
		t.Errorf("%d rows", rows)
	}
}

// names reports whether a file has a test of a name. One in Lua has it where a test
// begins, or is a case of a table of them.
func names(file, text, name string) bool {
	if filepath.Ext(file) != ".lua" {
		return strings.Contains(text, name)
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, name) && (strings.Contains(line, "test(") || strings.HasPrefix(strings.TrimSpace(line), `["`)) {
			return true
		}
	}
	return false
}
