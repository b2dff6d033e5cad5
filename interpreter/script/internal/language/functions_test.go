package language

import (
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// ofLua are the globals that Lua 5.1's own manual documents.
var ofLua = []string{"assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select",
	"setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "_G", "_VERSION", "coroutine", "math", "string", "table"}

func TestEveryGlobalIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range Functions() {
		for _, name := range strings.Split(f.Name, ", ") {
			global, _, _ := strings.Cut(name, ".")
			documented[global] = true
			if !slices.Contains(Globals(), global) {
				t.Errorf("%s is documented, and no global", name)
			}
		}
		if f.Doc == "" || len(f.Usage) == 0 {
			t.Errorf("%s: has no Doc or no Usage", f.Name)
		}
		for i := range f.Args {
			requireDoc(t, f.Name, &f.Args[i])
		}
	}
	for _, name := range Globals() {
		if !documented[name] && !slices.Contains(ofLua, name) {
			t.Errorf("the global %s is not documented", name)
		}
	}
}

func requireDoc(t *testing.T, where string, f *effect.Field) {
	t.Helper()
	if f.Doc == "" {
		t.Errorf("%s: %s has no Doc", where, f.Name)
	}
	if f.Elem == nil {
		return
	}
	for i := range f.Elem.Fields {
		requireDoc(t, where+"."+f.Name, &f.Elem.Fields[i])
	}
}
