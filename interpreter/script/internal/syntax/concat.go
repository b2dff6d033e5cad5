package syntax

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// ConcatName is the global that ".." calls. No script can write it.
const ConcatName = "\x00concat"

// maxConcat bounds the operands of one chain of "..": they are the arguments
// of one call.
const maxConcat = 100

// callConcat turns each chain of ".." below a node into a call of the host.
// gopher-lua's own instruction writes numbers unlike tostring, knows no bound
// on what it makes, and nothing can interrupt it. It returns the first chain
// that is too long.
func callConcat(node any) (wrong *Error) {
	replace := func(e *ast.Expr) {
		if chain, ok := (*e).(*ast.StringConcatOpExpr); ok {
			call := concatCall(chain)
			if len(call.Args) > maxConcat && wrong == nil {
				wrong = &Error{max(chain.Line(), 1), fmt.Sprintf("more than %d values are joined in one expression", maxConcat),
					"collect the parts in a table and use table.concat"}
			}
			*e = call
		}
		if inner := callConcat(*e); inner != nil && wrong == nil {
			wrong = inner
		}
	}
	parts(node, replace, func(s ast.Stmt) {
		if inner := callConcat(s); inner != nil && wrong == nil {
			wrong = inner
		}
	})
	return wrong
}

// concatCall makes one call of a chain, which leans to the right.
func concatCall(chain *ast.StringConcatOpExpr) *ast.FuncCallExpr {
	name := &ast.IdentExpr{Value: ConcatName}
	call := &ast.FuncCallExpr{Func: name, AdjustRet: true} // one value, and no tail call
	for _, node := range []ast.PositionHolder{name, call} {
		node.SetLine(chain.Line())
		node.SetLastLine(chain.LastLine())
	}
	var rest ast.Expr = chain
	for {
		link, ok := rest.(*ast.StringConcatOpExpr)
		if !ok {
			call.Args = append(call.Args, single(rest))
			return call
		}
		call.Args = append(call.Args, single(link.Lhs))
		rest = link.Rhs
	}
}

// single makes an operand give one value, as operands do.
func single(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}
