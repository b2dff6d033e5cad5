package check

import (
	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// Text is a runbook as it was read, with the files that it requires: what it
// names can be asked for again and again, and each file is parsed once. Files that
// cannot be read are left out; Run says why.
type Text struct {
	main     script.Source
	loader   script.Loader
	files    []parsed
	required map[string]bool // the names that they pass to require
	broken   bool            // one of them is no Lua
}

type parsed struct {
	name   string
	stmts  []ast.Stmt
	scopes *scopes
}

// Read reads a runbook and the files that it requires. The loader may be nil when
// the runbook stands alone.
func Read(main script.Source, loader script.Loader) *Text {
	t := &Text{main: main, loader: loader, required: map[string]bool{}}
	met := map[string]bool{main.Name: true}
	queue := []script.Source{main}
	for len(queue) > 0 {
		src := queue[0]
		queue = queue[1:]
		stmts, wrong := syntax.Parse(src.Name, src.Text)
		if wrong != nil {
			t.broken = true
			continue
		}
		t.files = append(t.files, parsed{src.Name, stmts, resolveScopes(stmts)})
		f := t.files[len(t.files)-1].file(&analysis{loader: loader})
		for _, s := range stmts {
			syntax.Each(s, func(node any) {
				e, ok := node.(ast.Expr)
				if !ok {
					return
				}
				name, ok := f.requireOf(e)
				if !ok {
					return
				}
				t.required[name] = true
				if required, err := f.load(name); err == nil && !met[required.Name] {
					met[required.Name] = true
					queue = append(queue, required)
				}
			})
		}
	}
	return t
}

// Run is the function Run on the runbook. It parses anew: compiling rewrites what was
// parsed.
func (t *Text) Run(catalog *effect.Catalog) []Finding { return Run(t.main, t.loader, catalog) }

// Readable reports whether all files are Lua. Those that are not cannot be started,
// whatever Run says of the rest.
func (t *Text) Readable() bool { return !t.broken }

func (p parsed) file(of *analysis) *file {
	return &file{analysis: of, name: p.name, scopes: p.scopes}
}

// eachExpr visits all expressions.
func (t *Text) eachExpr(catalog *effect.Catalog, visit func(*file, ast.Expr)) {
	of := &analysis{loader: t.loader, catalog: catalog}
	for _, p := range t.files {
		f := p.file(of)
		f.findFrozen(p.stmts)
		for _, s := range p.stmts {
			syntax.Each(s, func(node any) {
				if e, ok := node.(ast.Expr); ok {
					visit(f, e)
				}
			})
		}
	}
}
