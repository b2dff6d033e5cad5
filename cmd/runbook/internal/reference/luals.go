package reference

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// LuaLS returns stubs for the Lua language server by file name: one with the
// language, and one for each module, named so that require finds it. Editors
// complete and check runbooks by them.
func (r *Reference) LuaLS() map[string]string {
	files := map[string]string{"runbook.lua": r.languageStubs()}
	for i := range r.Modules {
		files[r.Modules[i].Name+".lua"] = moduleStubs(&r.Modules[i])
	}
	return files
}

// LuaRC is the language server's configuration of a folder of runbooks whose
// stubs stand in dir.
func LuaRC(dir string) string {
	return `{
  "$schema": "https://raw.githubusercontent.com/LuaLS/vscode-lua/master/setting/schema.json",
  "runtime.version": "Lua 5.1",
  "runtime.builtin": { "os": "disable", "io": "disable", "debug": "disable", "package": "disable" },
  "workspace.library": [` + strconv.Quote(dir) + `],
  "workspace.checkThirdParty": false
}
`
}

const units = `---@alias duration number|string seconds, or a text: "15m", "1h30m"
---@alias percent number|string percent, or a text: "0.1%"
---@alias size number|string bytes, or a text: "10MiB"
---@class secret a value that is passed on and never shown
---@class failure what a failed effect raises
---@field code string
---@field message string
---@field op? string
---@field where string
---@field retryable boolean
---@field hint? string
`

// languageStubs declares the globals.
func (r *Reference) languageStubs() string {
	var p page
	p.add("---@meta\n\n%s", units)
	for i := range r.Language {
		f := &r.Language[i]
		for _, name := range functionNames(f) {
			if name == "require" { // the server knows it, and finds the modules by it
				continue
			}
			if name == "params" {
				p.add("%s\n---@type table<string, any>\nparams = {}\n", comment(f.Doc))
				continue
			}
			if table, _, ok := strings.Cut(name, "."); ok && !strings.Contains(p.String(), "\n"+table+" = {}") {
				p.add("%s = {}\n", table)
			}
			if !strings.ContainsAny(strings.Join(f.Usage, ""), "({\"") { // a value, not a function
				p.add("%s\n---@type any\n%s = nil\n", comment(f.Doc), name)
				continue
			}
			argument := "any"
			if len(f.Args) > 0 {
				argument = strings.ReplaceAll(name, ".", "_") + "_options"
				p.class(argument, f.Args, nil)
			}
			p.add("%s\n---\n--- %s", comment(f.Doc), strings.Join(f.Usage, "\n--- "))
			p.add("---@param first? %s\n---@param ... any", argument+"|string|function|number")
			if f.Returns != "" {
				p.add("---@return any ... %s", strings.ReplaceAll(f.Returns, "\n", " "))
			}
			p.add("function %s(first, ...) end\n", name)
		}
	}
	return p.String()
}

func moduleStubs(m *effect.Module) string {
	var p page
	p.add("---@meta %s\n\n%s\n---@class %s\nlocal %s = {}\n", m.Name, comment(m.Doc), m.Name, m.Name)
	add := func(op *effect.Op) {
		class := m.Name + "." + op.Name
		takes := len(op.Args) > 0 || op.Rest != nil
		if takes {
			p.class(class+".args", op.Args, op.Rest, undoStub(op)...)
		}
		if len(op.Returns) > 0 {
			p.class(class+".result", op.Returns, nil)
		}
		p.add("%s\n---\n--- class: %s", comment(op.Doc), classOf(op))
		if takes {
			optional := "?"
			for i := range op.Args {
				if op.Args[i].Required {
					optional = ""
				}
			}
			p.add("---@param args%s %s.args", optional, class)
		}
		if len(op.Returns) > 0 {
			p.add("---@return %s.result", class)
		}
		if takes {
			p.add("function %s.%s(args) end\n", m.Name, op.Name)
		} else {
			p.add("function %s.%s() end\n", m.Name, op.Name)
		}
	}
	for i := range m.Ops {
		add(&m.Ops[i])
	}
	for i := range m.Composites {
		add(&m.Composites[i].Op)
	}
	p.add("return %s", m.Name)
	return p.String()
}

// undoStub declares the function that stands beside the arguments of what writes.
func undoStub(op *effect.Op) []string {
	if op.ReadsOnly() {
		return nil
	}
	return []string{"---@field undo? fun() takes the call back in a rollback, if it changed something or may have"}
}

// class declares a table; tables inside it get classes of their own, first. more are
// lines beside those of its fields.
func (p *page) class(name string, fields []effect.Field, rest *effect.Field, more ...string) {
	for i := range fields {
		if inner := members(&fields[i]); len(inner) > 0 {
			p.class(name+"."+fields[i].Name, inner, nil)
		}
	}
	p.add("---@class %s", name)
	for i := range fields {
		f := &fields[i]
		optional := "?"
		if f.Required {
			optional = ""
		}
		p.add("---@field %s%s %s %s", fieldName(f.Name), optional, luaType(f, name+"."+f.Name), strings.Join(nonEmpty(oneLine(f.Doc), preset(f), bounds(f)), "; "))
	}
	for _, line := range more {
		p.add("%s", line)
	}
	if rest != nil {
		p.add("---@field [string] %s %s", luaType(rest, name+".rest"), oneLine(rest.Doc))
	}
	p.add("")
}

// luaType is the language server's type of a field; inner names the class of a
// table.
func luaType(f *effect.Field, inner string) string {
	if f.Secret {
		return "string|secret"
	}
	switch f.Type {
	case effect.Int:
		return "integer"
	case effect.Number:
		return "number"
	case effect.Bool:
		return "boolean"
	case effect.Duration, effect.Percent, effect.Size:
		return string(f.Type)
	case effect.Enum:
		return strings.ReplaceAll(quoted(f.Enum), " | ", "|")
	case effect.List:
		if f.Elem == nil {
			return "any[]"
		}
		return "(" + luaType(f.Elem, inner) + ")[]"
	case effect.Map:
		if f.Elem == nil {
			return "table<string, any>"
		}
		return "table<string, " + luaType(f.Elem, inner) + ">"
	case effect.Object:
		return inner
	case effect.String:
		return "string"
	}
	return "any"
}

// fieldName writes a name that is no Lua identifier in brackets.
func fieldName(name string) string {
	for i, r := range name {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9') {
			return fmt.Sprintf("[%q]", name)
		}
	}
	return name
}

func comment(text string) string { return "--- " + strings.ReplaceAll(sentence(text), "\n", "\n--- ") }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
