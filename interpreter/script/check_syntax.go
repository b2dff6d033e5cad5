package script

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// checkMaxDepth bounds how deeply a script may nest, so that no text exhausts
// the stack of whoever walks its tree. Lua itself stops at 200.
const checkMaxDepth = 2000

// checkParse parses a file, or says in plain words where its syntax is wrong.
func checkParse(src Source) (stmts []ast.Stmt, finding *Finding) {
	defer func() {
		if p := recover(); p != nil {
			stmts, finding = nil, checkSyntaxFinding(src.Name, 1, "this is not Lua that can be read", "")
		}
	}()
	stmts, err := parse.Parse(bytes.NewReader(src.Text), src.Name)
	if err != nil {
		line, message, hint := checkSyntaxError(src, err)
		return nil, checkSyntaxFinding(src.Name, line, message, hint)
	}
	if line, deep := checkTooDeep(stmts); deep {
		return nil, checkSyntaxFinding(src.Name, line, "the script is nested too deeply", "")
	}
	return stmts, nil
}

// checkCompile runs the compiler for the errors that only it finds.
func checkCompile(stmts []ast.Stmt, name string) (finding *Finding) {
	defer func() {
		if p := recover(); p != nil {
			finding = checkSyntaxFinding(name, 1, fmt.Sprintf("the script cannot be compiled: %v", p), "")
		}
	}()
	proto, err := lua.Compile(stmts, name)
	var ce *lua.CompileError
	if errors.As(err, &ce) {
		line, message := ce.Line, ce.Message
		// For a goto without its label the compiler gives the function's line
		// and names the goto's own in the text.
		if m := regexp.MustCompile(`^(no visible label '.*') for <goto> at line (\d+)$`).FindStringSubmatch(message); m != nil {
			message = m[1] + " for this goto"
			line, _ = strconv.Atoi(m[2])
		}
		return checkSyntaxFinding(name, max(line, 1), message, "")
	}
	if err != nil {
		return checkSyntaxFinding(name, 1, err.Error(), "")
	}
	if line := longConcat(proto); line > 0 {
		return checkSyntaxFinding(name, line, fmt.Sprintf("more than %d values are joined in one expression", maxConcat),
			"collect the parts in a table and use table.concat")
	}
	return nil
}

func checkSyntaxFinding(name string, line int, message, hint string) *Finding {
	return &Finding{Where: effect.Position{File: name, Line: line}, Message: message, Hint: hint,
		Severity: SeverityError}
}

// checkSyntaxError turns the parser's error into a line, a message and a hint.
func checkSyntaxError(src Source, err error) (line int, message, hint string) {
	var pe *parse.Error
	if !errors.As(err, &pe) {
		return 1, err.Error(), ""
	}
	line = pe.Pos.Line
	atEnd := line < 1
	if atEnd {
		line = 1 + bytes.Count(bytes.TrimRight(src.Text, "\r\n"), []byte("\n"))
	}
	switch {
	case pe.Message == "unterminated string":
		if !atEnd {
			line-- // the scanner stands behind the end of the line
		}
		return line, "unterminated string", "close it on the same line"
	case strings.HasPrefix(pe.Message, "unterminated"):
		return line, pe.Message, "close it with ]]"
	case strings.HasPrefix(pe.Message, "ambiguous syntax"):
		return line, "a line may not begin with a bracket that could be the arguments of the line before",
			"put a ; before it"
	case pe.Message != "syntax error" && pe.Message != "parse error" && !strings.HasPrefix(pe.Message, "syntax error"):
		return line, strings.ToLower(pe.Message[:1]) + pe.Message[1:] + checkNear(pe.Token), ""
	case atEnd:
		return line, "the script ends in the middle of something", `an "end", "}" or ")" is missing, or a call's arguments`
	case pe.Message == "parse error":
		return line, "this is a value where a statement is wanted" + checkNear(pe.Token), "call it, or assign it to a local"
	}
	return line, "this cannot be read as Lua" + checkNear(pe.Token), checkSyntaxHint(pe.Token)
}

func checkNear(token string) string {
	if token == "" {
		return ""
	}
	if len(token) > 40 {
		token = token[:40] + "…"
	}
	return fmt.Sprintf(" near %q", token)
}

// checkSyntaxHint recognises what people write who come from other languages.
func checkSyntaxHint(token string) string {
	switch token {
	case "=":
		return `comparing is written "=="`
	case "!":
		return `"not equal" is written "~=", and "not" is a word`
	case "end", "}", ")":
		return "something before it is not finished, or this one is too much"
	case "{":
		return "a comma may be missing before it"
	}
	if strings.HasPrefix(token, "else") {
		return `"elseif" is one word`
	}
	return "a comma, a bracket or an operator may be missing before it"
}

// checkTooDeep finds the first place that is nested beyond checkMaxDepth. It
// keeps a stack of its own, so that it can look at any tree.
func checkTooDeep(stmts []ast.Stmt) (line int, deep bool) {
	type item struct {
		node  any
		depth int
	}
	var todo []item
	push := func(depth int, nodes ...any) {
		for _, n := range nodes {
			if n != nil {
				todo = append(todo, item{n, depth})
			}
		}
	}
	for _, s := range stmts {
		push(1, s)
	}
	for len(todo) > 0 {
		it := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if it.depth > checkMaxDepth {
			if p, ok := it.node.(ast.PositionHolder); ok {
				line = p.Line()
			}
			return max(line, 1), true
		}
		push(it.depth+1, checkChildren(it.node)...)
	}
	return 0, false
}
