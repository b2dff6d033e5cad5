package script

import (
	"sort"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Requires returns the names that a script and the files it requires pass to
// require, in order: what has to be at hand before it starts. Names that are
// computed, and files that cannot be read, are left to the run.
func Requires(main Source, loader Loader) []string {
	catalog, err := effect.NewCatalog()
	if err != nil {
		return nil
	}
	seen := map[string]bool{}
	queue := []Source{main}
	for len(queue) > 0 {
		src := queue[0]
		queue = queue[1:]
		stmts, finding := checkParse(src)
		if finding != nil {
			continue
		}
		f := &checkFile{checkRun: &checkRun{catalog: catalog, loader: loader}, name: src.Name}
		f.scopes = resolveScopes(stmts)
		var look func(node any)
		look = func(node any) {
			if e, ok := node.(ast.Expr); ok {
				if name, ok := f.requireOf(e); ok && !seen[name] {
					seen[name] = true
					if src, err := f.load(name); err == nil {
						queue = append(queue, src)
					}
				}
			}
			for _, child := range checkChildren(node) {
				look(child)
			}
		}
		for _, s := range stmts {
			look(s)
		}
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
