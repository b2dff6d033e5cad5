package syntax

import "github.com/yuin/gopher-lua/ast"

// parts visits what stands directly inside a node: expressions by the place
// that holds them, so that they can be replaced, and statements.
func parts(node any, expr func(*ast.Expr), stmt func(ast.Stmt)) {
	exprs := func(list []ast.Expr) {
		for i := range list {
			expr(&list[i])
		}
	}
	stmts := func(list []ast.Stmt) {
		for _, s := range list {
			stmt(s)
		}
	}
	switch n := node.(type) {
	case *ast.AssignStmt:
		exprs(n.Lhs)
		exprs(n.Rhs)
	case *ast.LocalAssignStmt:
		exprs(n.Exprs)
	case *ast.FuncCallStmt:
		expr(&n.Expr)
	case *ast.DoBlockStmt:
		stmts(n.Stmts)
	case *ast.WhileStmt:
		expr(&n.Condition)
		stmts(n.Stmts)
	case *ast.RepeatStmt:
		stmts(n.Stmts)
		expr(&n.Condition)
	case *ast.IfStmt:
		expr(&n.Condition)
		stmts(n.Then)
		stmts(n.Else)
	case *ast.NumberForStmt:
		expr(&n.Init)
		expr(&n.Limit)
		expr(&n.Step)
		stmts(n.Stmts)
	case *ast.GenericForStmt:
		exprs(n.Exprs)
		stmts(n.Stmts)
	case *ast.FuncDefStmt:
		expr(&n.Name.Func)
		expr(&n.Name.Receiver)
		fn := ast.Expr(n.Func)
		expr(&fn)
	case *ast.ReturnStmt:
		exprs(n.Exprs)
	case *ast.AttrGetExpr:
		expr(&n.Object)
		expr(&n.Key)
	case *ast.TableExpr:
		for _, f := range n.Fields {
			expr(&f.Key)
			expr(&f.Value)
		}
	case *ast.FuncCallExpr:
		expr(&n.Func)
		expr(&n.Receiver)
		exprs(n.Args)
	case *ast.LogicalOpExpr:
		expr(&n.Lhs)
		expr(&n.Rhs)
	case *ast.RelationalOpExpr:
		expr(&n.Lhs)
		expr(&n.Rhs)
	case *ast.StringConcatOpExpr:
		expr(&n.Lhs)
		expr(&n.Rhs)
	case *ast.ArithmeticOpExpr:
		expr(&n.Lhs)
		expr(&n.Rhs)
	case *ast.UnaryMinusOpExpr:
		expr(&n.Expr)
	case *ast.UnaryNotOpExpr:
		expr(&n.Expr)
	case *ast.UnaryLenOpExpr:
		expr(&n.Expr)
	case *ast.FunctionExpr:
		stmts(n.Stmts)
	}
}

// Children returns the statements and expressions directly inside a node.
func Children(node any) []any {
	var out []any
	parts(node, func(e *ast.Expr) {
		if *e != nil {
			out = append(out, *e)
		}
	}, func(s ast.Stmt) { out = append(out, s) })
	return out
}

// Each visits every node of the tree, outermost first.
func Each(node any, visit func(node any)) {
	visit(node)
	parts(node, func(e *ast.Expr) {
		if *e != nil {
			Each(*e, visit)
		}
	}, func(s ast.Stmt) { Each(s, visit) })
}
