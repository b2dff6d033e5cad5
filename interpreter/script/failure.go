package script

import (
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// maxFrames bounds the stack that an error shows.
const maxFrames = 20

// failure is a Lua error that was caught by the host.
type failure struct {
	value lua.LValue
	trace *trace
	// overflow says that a stack was full, of which gopher-lua tells by a bare
	// panic: it left the frames as they were.
	overflow bool
}

// trace is where an error came from. It travels inside gopher-lua's errors as
// their cause.
type trace struct {
	frames []Frame
}

func (t *trace) Error() string { return "lua error" }

// failureOf reads what a panic of gopher-lua in a thread carries.
func failureOf(p any, thread *lua.LState) *failure {
	api, ok := p.(*lua.ApiError)
	if p == "lua callstack overflow" {
		return &failure{value: lua.LString("stack overflow: a function calls itself without end"), trace: &trace{}, overflow: true}
	}
	if _, fault := p.(runtime.Error); fault && entering(thread) {
		return &failure{value: lua.LString(valuesOverflow), trace: &trace{}, overflow: true}
	}
	if !ok {
		return &failure{value: lua.LString(fmt.Sprintf("internal fault of the interpreter: %v", p)), trace: &trace{}}
	}
	f := &failure{value: api.Object}
	if f.trace, ok = api.Cause.(*trace); !ok {
		f.trace = &trace{}
	}
	if text, ok := f.value.(lua.LString); ok {
		f.value = lua.LString(strings.TrimPrefix(string(text), " ")) // gopher-lua's, without a position
	}
	return f
}

// valuesOverflow is said where more values are at hand than fit in a thread:
// arguments, for the most part.
const valuesOverflow = "stack overflow: more values than a function can have, or one that calls itself with ever more of them"

// entering reports whether a thread stands before the first instruction of a
// function. What goes wrong there is that its arguments do not fit; gopher-lua then
// looks for the line before the first one, and panics by that.
func entering(thread *lua.LState) bool {
	d, ok := thread.GetStack(0)
	if !ok {
		return false
	}
	_, err := thread.GetInfo("Sl", d, lua.LNil)
	return err == nil && d.Source != "" && d.CurrentLine == 0
}

// at puts the position of the innermost frame before a message that has none.
func (f *failure) at(frames []Frame) {
	f.trace = &trace{frames: frames}
	if text, ok := f.value.(lua.LString); ok && len(frames) > 0 {
		f.value = lua.LString(frames[0].Where.String()+": ") + text
	}
}

// text returns the error as tostring shows it, without calling Lua.
func (f *failure) text() string {
	switch v := f.value.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return formatNumber(v)
	case *lua.LTable:
		if r := raisedOf(v); r != nil {
			return r.current(v).Error()
		}
		if m, ok := v.RawGetString("message").(lua.LString); ok {
			return string(m)
		}
	}
	return fmt.Sprintf("(error object is a %s value)", f.value.Type())
}

// add puts a text behind the message, if the error has one.
func (f *failure) add(text string) {
	switch v := f.value.(type) {
	case lua.LString, lua.LNumber:
		f.value = lua.LString(f.text() + text)
	case *lua.LTable:
		if m, ok := v.RawGetString("message").(lua.LString); ok {
			v.RawSetString("message", m+lua.LString(text))
		}
	}
}

// onRaise is called by gopher-lua when an error is raised, with the stack as
// it is and the error on top of it.
func (s *Script) onRaise(L *lua.LState) {
	b := s.cur
	b.check(L)
	t := b.rethrow
	b.rethrow = nil
	if t == nil {
		t = &trace{frames: b.stack(L)}
	}
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: L.Get(-1), Cause: t})
}

// again raises a caught error in L, its origin kept.
func (b *branch) again(L *lua.LState, f *failure) {
	b.rethrow = f.trace
	L.Panic = b.execution.script.onRaise // gopher-lua sets its own in coroutines
	L.Error(f.value, 0)
}

// failed turns the failure of the outermost branch into what Run returns.
func (s *Script) failed(f *failure) *Error {
	e := &Error{Stack: f.trace.frames}
	if len(e.Stack) > 0 {
		e.Where = e.Stack[0].Where
	}
	table, ok := f.value.(*lua.LTable)
	if !ok {
		s.explain(e, shortened(f.text()))
		return e
	}
	if r := raisedOf(table); r != nil {
		cause := r.current(table)
		cause.Message, cause.Hint = shortened(cause.Message), shortened(cause.Hint)
		e.Effect, e.Args, e.Hint = cause, r.args, cause.Hint
		e.slip = cause.Code == effect.CodeInvalid && cause.Op != "" && r.args == nil || cause.Code == effect.CodeRaised && ofLua.MatchString(cause.Message)
		if cause.Where.File != "" {
			e.Where = cause.Where
		}
		bare := *cause
		bare.Where = effect.Position{}
		e.Message = bare.Error()
		return e
	}
	e.Message = shortened(f.text())
	if hint, ok := table.RawGetString("hint").(lua.LString); ok {
		e.Hint = string(hint)
	}
	return e
}

// explain fills in the message of a plain Lua error: its position is taken
// off, and gopher-lua's wording made plain.
func (s *Script) explain(e *Error, text string) {
	if at, rest, ok := s.splitPosition(text); ok {
		e.Where, text = at, rest
	}
	line := ""
	if lines := s.lines(e.Where.File); e.Where.Line >= 1 && e.Where.Line <= len(lines) {
		line = lines[e.Where.Line-1]
	}
	e.Message, e.Hint = plainMessage(text, line)
	e.slip = ofLua.MatchString(text)
}

// ofLua matches what the interpreter says where a script goes wrong by itself;
// nobody writes that in a call of error or assert.
var ofLua = lazyregexp.New(`^(attempt to |cannot perform |bad argument #|stack overflow: |invalid value \()`)

// splitPosition takes "file:line: " off a message, if it names a file of the
// script.
func (s *Script) splitPosition(text string) (effect.Position, string, bool) {
	for _, src := range s.sources {
		rest, ok := strings.CutPrefix(text, src.Name+":")
		if !ok {
			continue
		}
		number, rest, ok := strings.Cut(rest, ":")
		if line, err := strconv.Atoi(number); ok && err == nil {
			return effect.Position{File: src.Name, Line: line}, strings.TrimPrefix(rest, " "), true
		}
	}
	return effect.Position{}, text, false
}

// plainMessage says in plain words what gopher-lua's messages mean; line is
// the text of the line that failed.
func plainMessage(text, line string) (message, hint string) {
	if m := regexp.MustCompile(`(?s)^attempt to index a non-table object\((\w+)\) with key '(.*)`).FindStringSubmatch(text); m != nil {
		key := strings.TrimSuffix(m[2], "'") // a long one was cut, with the quote
		if m[1] != "nil" {
			return fmt.Sprintf("attempt to read %s of a %s", effect.Quote(key), m[1]), ""
		}
		message = fmt.Sprintf("attempt to read %s of nil", effect.Quote(key))
		owner := regexp.MustCompile(`([A-Za-z_][\w.]*)\s*(?:[.:]\s*` + regexp.QuoteMeta(key) + `\b|\[)`).FindStringSubmatch(line)
		if owner != nil {
			return message, fmt.Sprintf("%s is nil here", owner[1])
		}
		return message, "what stands before it is nil here"
	}
	if text == "attempt to call a non-function object" {
		calls := regexp.MustCompile(`([A-Za-z_][\w.:]*)\s*[({"']`).FindAllStringSubmatch(line, -1)
		if len(calls) == 1 {
			return "attempt to call " + calls[0][1] + ", which is not a function", "look for a slip in its name"
		}
		return "attempt to call something that is not a function", "look for a slip in a function's name"
	}
	if m := regexp.MustCompile(`^cannot perform (\w*) operation between (\w+) and (\w+)$`).FindStringSubmatch(text); m != nil {
		if m[2] == "nil" || m[3] == "nil" {
			hint = "one of the values is nil here"
		}
		return fmt.Sprintf("attempt to calculate with a %s and a %s", m[2], m[3]), hint
	}
	if m := regexp.MustCompile(`^bad argument #(\d+) to (\S+) \((.*)\)$`).FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("bad argument %s of %s: %s", m[1], m[2], m[3]), ""
	}
	if text == "registry overflow" {
		return valuesOverflow, ""
	}
	return text, ""
}

// stack returns the calls that L is in, innermost first, through protected
// calls and coroutines.
func (b *branch) stack(L *lua.LState) []Frame {
	var frames []Frame
	b.frames(L, "Sln", func(d *lua.Debug) bool {
		frames = append(frames, Frame{Where: effect.Position{File: d.Source, Line: d.CurrentLine}, Function: functionName(d)})
		return len(frames) < maxFrames
	})
	return frames
}

func functionName(d *lua.Debug) string {
	switch {
	case d.LineDefined == 0:
		return "main chunk"
	case d.Name == "" || strings.ContainsAny(d.Name, "<? "):
		return fmt.Sprintf("function at line %d", d.LineDefined)
	}
	return d.Name
}

// position returns the line of Lua that is being executed.
func (b *branch) position(L *lua.LState) (at effect.Position) {
	b.frames(L, "Sl", func(d *lua.Debug) bool {
		at = effect.Position{File: d.Source, Line: d.CurrentLine}
		return false
	})
	return at
}

// frames visits the Lua functions on the stack, innermost first, until visit
// returns false.
func (b *branch) frames(L *lua.LState, what string, visit func(*lua.Debug) bool) {
	for ; L != nil; L = b.callerThread(L) {
		bottom := false
		for level := 0; ; level++ {
			d, ok := L.GetStack(level)
			if !ok {
				break
			}
			if _, err := L.GetInfo(what, d, lua.LNil); err != nil {
				break
			}
			if d.CurrentLine == 0 { // at its beginning
				d.CurrentLine = d.LineDefined
			}
			if d.What == "main" { // gopher-lua shows the bottom frame again for every tail call
				if _, more := L.GetStack(level + 1); bottom || more && level > 0 {
					continue
				}
				bottom = true
			}
			if d.Source != "" && d.CurrentLine > 0 && !visit(d) {
				return
			}
		}
	}
}

// callerThread returns the thread that waits for L, if any.
func (b *branch) callerThread(L *lua.LState) *lua.LState {
	if outer, ok := b.outer[L]; ok {
		return outer
	}
	return L.Parent
}
