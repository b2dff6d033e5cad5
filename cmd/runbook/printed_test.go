package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestCommandsAreWrittenInOnePlace finds texts that write a command by hand,
// which would lack its flags and quotes: they belong to app.App's writers of
// commands. Help, which shows what a command looks like, may.
func TestCommandsAreWrittenInOnePlace(t *testing.T) {
	command := regexp.MustCompile(`(^|[^` + "`" + `\w/])runbook (run|resume|rollback|fork|cancel|approve|deny|resolve|list|show|log|replay|explore|simulate|audit)\b`)
	help := []string{"Long", "Short", "Example", "Use", "Doc"}
	seen := 0
	for _, root := range []string{".", "../../interpreter", "../../plugins", "../../stdlib"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "internal/cli/topics.go") {
				return err
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(help, key.Name) {
						return false
					}
				case *ast.BasicLit:
					seen++
					if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && command.MatchString(text) {
						t.Errorf("%s: %q", fset.Position(n.Pos()), text)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 1000 {
		t.Errorf("only %d texts were looked at", seen)
	}
}
