package check_test

import (
	"io/fs"
	"reflect"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

func TestRequiresAndUses(t *testing.T) {
	main := script.Source{Name: "main.lua", Text: []byte(`
local traffic, lib = require "traffic", require "lib.more"
runbook { name = "main" }
pcall(traffic.split, { green = 100 })
traffic.split { green = 100 }
require("exec").run { argv = { "x" } }
local name = "page"
require("notify")[name] {}
`)}
	more := mapLoader{"lib.more": `local health = require "health" return function() health.watch { env = "x" } end`}
	if got, want := check.Requires(main, more), []string{"exec", "health", "lib.more", "notify", "traffic"}; !reflect.DeepEqual(got, want) {
		t.Errorf("requires %v, want %v", got, want)
	}
	want := []check.Use{
		{"traffic.split", effect.Position{File: "main.lua", Line: 4}},
		{"exec.run", effect.Position{File: "main.lua", Line: 6}},
		{"health.measure", effect.Position{File: "lib/more.lua", Line: 1}},
	}
	if got := check.Read(main, more).Uses(catalog(t)); !reflect.DeepEqual(got, want) {
		t.Errorf("uses %v, want %v", got, want)
	}
}

type mapLoader map[string]string

func (m mapLoader) Load(module string) (script.Source, error) {
	text, ok := m[module]
	if !ok {
		return script.Source{}, fs.ErrNotExist
	}
	return script.Source{Name: script.FileName(module), Text: []byte(text)}, nil
}
