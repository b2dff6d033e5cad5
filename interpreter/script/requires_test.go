package script

import (
	"io/fs"
	"reflect"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib"
)

func TestRequiresAndUses(t *testing.T) {
	main := Source{Name: "main.lua", Text: []byte(`
local traffic, lib = require "traffic", require "lib.more"
runbook { name = "main" }
pcall(traffic.split, { green = 100 })
traffic.split { green = 100 }
require("exec").run { argv = { "x" } }
local name = "page"
require("notify")[name] {}
`)}
	more := mapLoader{"lib.more": `local health = require "health" return function() health.watch { env = "x" } end`}
	if got, want := Requires(main, more), []string{"exec", "health", "lib.more", "notify", "traffic"}; !reflect.DeepEqual(got, want) {
		t.Errorf("requires %v, want %v", got, want)
	}
	catalog, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	want := []Use{
		{"traffic.split", effect.Position{File: "main.lua", Line: 4}},
		{"exec.run", effect.Position{File: "main.lua", Line: 6}},
		{"health.measure", effect.Position{File: "lib/more.lua", Line: 1}},
	}
	if got := Uses(main, more, catalog); !reflect.DeepEqual(got, want) {
		t.Errorf("uses %v, want %v", got, want)
	}
}

type mapLoader map[string]string

func (m mapLoader) Load(module string) (Source, error) {
	text, ok := m[module]
	if !ok {
		return Source{}, fs.ErrNotExist
	}
	return Source{Name: FileName(module), Text: []byte(text)}, nil
}
