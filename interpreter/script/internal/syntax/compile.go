package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// Compile turns parsed statements into bytecode. It rewrites the tree. The
// compiler finds what the grammar alone does not: a break outside of a loop,
// a goto without its label.
func Compile(name string, stmts []ast.Stmt) (proto *lua.FunctionProto, wrong *Error) {
	// The compiler panics on some of what the grammar lets pass.
	defer func() {
		if p := recover(); p != nil {
			proto, wrong = nil, &Error{1, fmt.Sprintf("the script cannot be compiled: %v", p), ""}
		}
	}()
	if wrong := tooManyConstants(stmts); wrong != nil {
		return nil, wrong
	}
	for _, s := range stmts {
		if wrong := callConcat(s); wrong != nil {
			return nil, wrong
		}
	}
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
		return nil, &Error{max(line, 1), message, ""}
	}
	if err != nil {
		return nil, &Error{1, err.Error(), ""}
	}
	return proto, nil
}

// plain blanks what may stand before the first line of Lua: a byte order
// mark and a "#!" line. Line numbers stay as they are.
func plain(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(text, []byte("#")) {
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			return text[end:]
		}
		return nil
	}
	return text
}
