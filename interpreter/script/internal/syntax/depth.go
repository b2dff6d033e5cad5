package syntax

import (
	"bytes"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// maxDepth bounds how deeply a script may nest, so that no text exhausts
// the stack of whoever visits its tree. Lua itself stops at 200.
const maxDepth = 2000

func errTooDeep(line int) *Error {
	return &Error{max(line, 1), "the script is nested too deeply",
		"put its parts into locals or functions of their own; what a long chain joins, table.concat joins too"}
}

// tooDeep finds a place that is nested beyond maxDepth, and looks no deeper.
func tooDeep(stmts []ast.Stmt) (wrong *Error) {
	var look func(node any, depth int)
	look = func(node any, depth int) {
		if wrong != nil {
			return
		}
		if depth > maxDepth {
			line := 1
			if p, ok := node.(ast.PositionHolder); ok {
				line = p.Line()
			}
			wrong = errTooDeep(line)
			return
		}
		parts(node, func(e *ast.Expr) {
			if *e != nil {
				look(*e, depth+1)
			}
		}, func(s ast.Stmt) { look(s, depth+1) })
	}
	for _, s := range stmts {
		look(s, 1)
	}
	return wrong
}

// tooOpen finds, before the text is parsed, the first place at which more than
// maxDepth blocks, brackets and operators wait for what follows them. The
// parser keeps a stack of these that it copies as it grows: half a megabyte of
// "a..a..a" takes it seconds. What else nests deeply is cheap to parse, and
// tooDeep's.
func tooOpen(name string, text []byte) *Error {
	scanner, lexer := parse.NewScanner(bytes.NewReader(text), name), &parse.Lexer{}
	waiting := []int{0} // operators, by the blocks and brackets around them
	operators := 0      // the sum of these
	for {
		lexer.PrevTokenType = lexer.Token.Type
		tok, err := scanner.Scan(lexer)
		if err != nil || tok.Type == parse.EOF {
			return nil // what is wrong, the parser says
		}
		last := &waiting[len(waiting)-1]
		switch tok.Type { // an expression ends here
		case ',', ';', '=', parse.TAnd, parse.TOr, parse.TLocal, parse.TReturn, parse.TThen, parse.TDo, parse.TRepeat, parse.TIf, parse.TWhile, parse.TFor:
			*last, operators = 0, operators-*last
		}
		switch tok.Type {
		case '(', '{', '[', parse.TFunction, parse.TDo, parse.TThen, parse.TRepeat:
			waiting = append(waiting, 0)
		case ')', '}', ']', parse.TEnd, parse.TUntil, parse.TElseIf:
			if operators -= *last; len(waiting) > 1 {
				waiting = waiting[:len(waiting)-1]
			} else {
				*last = 0
			}
		case parse.T2Comma, '^', '#', parse.TNot:
			*last, operators = *last+1, operators+1
		case '-':
			if !endsValue(lexer.Token.Type) {
				*last, operators = *last+1, operators+1
			}
		}
		if len(waiting)+operators > maxDepth {
			return errTooDeep(tok.Pos.Line)
		}
		lexer.Token = tok
	}
}

// endsValue reports whether a minus behind such a token takes from a value.
func endsValue(token int) bool {
	switch token {
	case parse.TIdent, parse.TNumber, parse.TString, parse.TTrue, parse.TFalse, parse.TNil, parse.T3Comma, parse.TEnd, ')', ']', '}':
		return true
	}
	return false
}
