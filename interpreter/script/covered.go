package script

import (
	"sort"
	"sync"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// coverName is the global by which instrumented code counts. No script can
// write it.
const coverName = "\x00cover"

// Coverage counts how often the statements of scripts run, over all Scripts
// that it is given to. It serves several goroutines. gopher-lua has no hook
// for lines: a statement that counts is compiled in before every other one.
type Coverage struct {
	counters atomic.Pointer[[]*atomic.Int64]

	mu    sync.Mutex
	sites map[coverSite]int
	files map[string]Source
}

// coverSite is a statement: the nth of those that begin on a line.
type coverSite struct {
	file    string
	line, n int
}

// LineHits says how often the statements that begin on a line ran.
type LineHits struct {
	Line       int
	Statements int
	Ran        int   // how many of them did at all
	Hits       int64 // of the one that ran most
}

// NewCoverage returns a Coverage that has counted nothing.
func NewCoverage() *Coverage {
	c := &Coverage{sites: map[coverSite]int{}, files: map[string]Source{}}
	c.counters.Store(&[]*atomic.Int64{})
	return c
}

// Files returns the files that were compiled, in the order of their names.
func (c *Coverage) Files() []Source {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Source
	for _, src := range c.files {
		out = append(out, src)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Lines returns the lines of a file on which statements begin, in order. What
// was compiled with the file's name has to have been the same text.
func (c *Coverage) Lines(file string) []LineHits {
	c.mu.Lock()
	defer c.mu.Unlock()
	counters := *c.counters.Load()
	lines := map[int]*LineHits{}
	for site, n := range c.sites {
		if site.file != file {
			continue
		}
		if lines[site.line] == nil {
			lines[site.line] = &LineHits{Line: site.line}
		}
		l, hits := lines[site.line], counters[n].Load()
		l.Statements++
		l.Hits = max(l.Hits, hits)
		if hits > 0 {
			l.Ran++
		}
	}
	var out []LineHits
	for _, l := range lines {
		out = append(out, *l)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Line < out[j].Line })
	return out
}

// instrument lets the statements of a file count. The tree is changed.
func (c *Coverage) instrument(src Source, stmts []ast.Stmt) []ast.Stmt {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[src.Name] = src
	counters := append([]*atomic.Int64(nil), *c.counters.Load()...)
	onLine := map[int]int{}
	block := func(list []ast.Stmt) []ast.Stmt {
		out := make([]ast.Stmt, 0, 2*len(list))
		for _, s := range list {
			if _, label := s.(*ast.LabelStmt); !label && s.Line() > 0 {
				onLine[s.Line()]++
				site := coverSite{src.Name, s.Line(), onLine[s.Line()]}
				n, known := c.sites[site]
				if !known {
					n = len(counters)
					c.sites[site] = n
					counters = append(counters, &atomic.Int64{})
				}
				out = append(out, counting(n, s.Line()))
			}
			out = append(out, s)
		}
		return out
	}
	// Collected first, so that what is put in is not visited.
	var nodes []any
	for _, s := range stmts {
		syntax.Each(s, func(node any) { nodes = append(nodes, node) })
	}
	for _, node := range nodes {
		switch n := node.(type) {
		case *ast.DoBlockStmt:
			n.Stmts = block(n.Stmts)
		case *ast.WhileStmt:
			n.Stmts = block(n.Stmts)
		case *ast.RepeatStmt:
			n.Stmts = block(n.Stmts)
		case *ast.IfStmt:
			n.Then, n.Else = block(n.Then), block(n.Else)
		case *ast.NumberForStmt:
			n.Stmts = block(n.Stmts)
		case *ast.GenericForStmt:
			n.Stmts = block(n.Stmts)
		case *ast.FunctionExpr:
			n.Stmts = block(n.Stmts)
		}
	}
	out := block(stmts)
	c.counters.Store(&counters)
	return out
}

// counting makes the statement that counts.
func counting(n, line int) ast.Stmt {
	name := &ast.IdentExpr{Value: coverName}
	number := &ast.NumberExpr{Value: lua.LNumber(n).String()}
	call := &ast.FuncCallExpr{Func: name, Args: []ast.Expr{number}}
	stmt := &ast.FuncCallStmt{Expr: call}
	for _, node := range []ast.PositionHolder{name, number, call, stmt} {
		node.SetLine(line)
		node.SetLastLine(line)
	}
	return stmt
}

// hit is what instrumented code calls.
func (c *Coverage) hit(L *lua.LState) int {
	if n, ok := L.Get(1).(lua.LNumber); ok {
		if counters := *c.counters.Load(); int(n) >= 0 && int(n) < len(counters) {
			counters[int(n)].Add(1)
		}
	}
	return 0
}
