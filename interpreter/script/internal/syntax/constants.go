package syntax

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// maxConstants bounds the different names, texts and numbers in one function:
// the compiler looks through all of them for each.
const maxConstants = 10_000

// constants counts those of one function.
type constants struct {
	seen  map[[2]string]bool
	wrong *Error
}

// tooManyConstants finds the first function with more constants than the
// compiler deals with in good time.
func tooManyConstants(stmts []ast.Stmt) *Error {
	c := &constants{seen: map[[2]string]bool{}}
	for _, s := range stmts {
		c.visit(s)
	}
	return c.wrong
}

func (c *constants) visit(node any) {
	if c.wrong != nil {
		return
	}
	switch n := node.(type) {
	case *ast.FunctionExpr:
		c.wrong = tooManyConstants(n.Stmts)
		return
	case *ast.NumberExpr:
		c.add(n, [2]string{"number", n.Value})
	case *ast.StringExpr:
		c.add(n, [2]string{"text", n.Value})
	case *ast.IdentExpr:
		c.add(n, [2]string{"text", n.Value})
	case *ast.FuncCallExpr:
		c.add(n, [2]string{"text", n.Method})
	}
	for _, child := range Children(node) {
		c.visit(child)
	}
}

func (c *constants) add(at ast.PositionHolder, constant [2]string) {
	if c.seen[constant] = true; len(c.seen) > maxConstants && c.wrong == nil {
		c.wrong = &Error{max(at.Line(), 1), fmt.Sprintf("more than %d different names, texts and numbers stand in one function", maxConstants),
			"spread them over several functions or files"}
	}
}
