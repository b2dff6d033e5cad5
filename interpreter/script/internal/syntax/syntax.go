// Package syntax reads Lua text: parsing it, compiling it for the errors that
// only a compiler finds, and saying in plain words what is wrong with it.
package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// MaxSource bounds a source file, in bytes. It keeps the compiler's recursion
// far from the limit of a goroutine's stack.
const MaxSource = 512 << 10

// Error says where text is not Lua, and why.
type Error struct {
	Line    int // 1 for the first
	Message string
	Hint    string // what to do about it; may be empty
}

// Error returns the message alone.
func (e *Error) Error() string { return e.Message }

// Parse parses the text of a file of that name. What may stand before the
// first line of Lua, a byte order mark and a "#!" line, is passed over.
func Parse(name string, text []byte) (stmts []ast.Stmt, wrong *Error) {
	if len(text) > MaxSource {
		return nil, &Error{1, fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(text), MaxSource),
			"move parts of it into files of their own and require them"}
	}
	defer func() {
		if p := recover(); p != nil {
			stmts, wrong = nil, &Error{1, "this is not Lua that can be read", ""}
		}
	}()
	text = plain(text)
	if wrong := tooOpen(name, text); wrong != nil {
		return nil, wrong
	}
	stmts, err := parse.Parse(bytes.NewReader(text), name)
	if err != nil {
		return nil, worded(text, err)
	}
	if wrong := tooDeep(stmts); wrong != nil {
		return nil, wrong
	}
	return stmts, nil
}

// worded turns the parser's error into plain words.
func worded(text []byte, err error) *Error {
	var pe *parse.Error
	if !errors.As(err, &pe) {
		return &Error{1, err.Error(), ""}
	}
	line := pe.Pos.Line
	atEnd := line < 1
	if atEnd {
		line = 1 + bytes.Count(bytes.TrimRight(text, "\r\n"), []byte("\n"))
	}
	switch {
	case pe.Message == "unterminated string":
		if !atEnd {
			line-- // the scanner stands behind the end of the line
		}
		return &Error{line, "unterminated string", "close it on the same line"}
	case strings.HasPrefix(pe.Message, "unterminated"):
		return &Error{line, pe.Message, "close it with ]]"}
	case strings.HasPrefix(pe.Message, "ambiguous syntax"):
		return &Error{line, "a line may not begin with a bracket that could be the arguments of the line before",
			"put a ; before it"}
	case pe.Message != "syntax error" && pe.Message != "parse error" && !strings.HasPrefix(pe.Message, "syntax error"):
		return &Error{line, strings.ToLower(pe.Message[:1]) + pe.Message[1:] + near(pe.Token), ""}
	case atEnd:
		return &Error{line, "the script ends in the middle of something", `an "end", "}" or ")" is missing, or a call's arguments`}
	case pe.Message == "parse error":
		return &Error{line, "this is a value where a statement is wanted" + near(pe.Token), "call it, or assign it to a local"}
	}
	return &Error{line, "this cannot be read as Lua" + near(pe.Token), tokenHint(pe.Token)}
}

func near(token string) string {
	if token == "" {
		return ""
	}
	if len(token) > 40 {
		token = token[:40] + "…"
	}
	return fmt.Sprintf(" near %q", token)
}

// tokenHint recognises what people write who come from other languages.
func tokenHint(token string) string {
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
