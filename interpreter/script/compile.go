package script

import (
	"bytes"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// maxConcat bounds the operands of one chain of "..", because a chain is one
// instruction, which nothing can interrupt.
const maxConcat = 100

// compile turns a source into bytecode, which counts its statements if cover
// is set. The error is an *Error.
func compile(src Source, cover *Coverage) (proto *lua.FunctionProto, err error) {
	fail := func(line int, hint, format string, args ...any) error {
		return &Error{Message: fmt.Sprintf(format, args...), Where: effect.Position{File: src.Name, Line: max(line, 1)}, Hint: hint}
	}
	if len(src.Text) > maxSource {
		return nil, fail(1, "move parts of it into files of their own and require them",
			"the file has %d bytes, more than the %d that are read", len(src.Text), maxSource)
	}
	src.Text = plainText(src.Text)
	stmts, finding := checkParse(src)
	if finding != nil {
		return nil, fail(finding.Where.Line, finding.Hint, "%s", finding.Message)
	}
	// The compiler panics on some of what the grammar lets pass.
	defer func() {
		if p := recover(); p != nil {
			proto, err = nil, fail(1, "", "cannot be compiled: %v", p)
		}
	}()
	if cover != nil {
		stmts = cover.instrument(src, stmts)
	}
	proto, err = lua.Compile(stmts, src.Name)
	if err != nil {
		line, message := 1, err.Error()
		if ce, ok := err.(*lua.CompileError); ok {
			line, message = ce.Line, ce.Message
		}
		return nil, fail(line, "", "%s", message)
	}
	if line := longConcat(proto); line > 0 {
		return nil, fail(line, "collect the parts in a table and use table.concat",
			"more than %d values are joined in one expression", maxConcat)
	}
	return proto, nil
}

// plainText blanks what may stand before the first line of Lua: a byte order
// mark and a "#!" line. Line numbers stay as they are.
func plainText(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(text, []byte("#")) {
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			return text[end:]
		}
		return nil
	}
	return text
}

// longConcat returns the line of the first chain of ".." that is too long, or
// zero.
func longConcat(proto *lua.FunctionProto) int {
	for pc, inst := range proto.Code {
		first, last := int(inst&0x1ff), int(inst>>9)&0x1ff
		if int(inst>>26) == lua.OP_CONCAT && last-first+1 > maxConcat {
			return proto.DbgSourcePositions[pc]
		}
	}
	for _, inner := range proto.FunctionPrototypes {
		if line := longConcat(inner); line > 0 {
			return line
		}
	}
	return 0
}
