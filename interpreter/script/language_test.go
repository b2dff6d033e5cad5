package script

import (
	"context"
	"slices"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// What the language is said to consist of is what the sandbox has.
func TestLanguageIsTheSandbox(t *testing.T) {
	s, err := New(Options{Main: Source{Name: "m.lua"}, Catalog: testCatalog(t),
		Handler: effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) { return effect.Result{}, nil })})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	keys := func(table *lua.LTable) []string {
		var names []string
		for k, _ := table.Next(lua.LNil); k != lua.LNil; k, _ = table.Next(k) {
			names = append(names, k.String())
		}
		slices.Sort(names)
		return names
	}
	globals := append(keys(s.globals), "params", "run") // which runbook{} sets
	slices.Sort(globals)
	if known := language.Globals(); !slices.Equal(known, globals) {
		t.Errorf("language.Globals() = %q\nthe sandbox has %q", known, globals)
	}
	libraries := language.Libraries()
	libraries["log"] = language.LogLevels()
	for name, members := range libraries {
		slices.Sort(members)
		front, ok := s.globals.RawGetString(name).(*lua.LTable)
		if !ok {
			t.Errorf("the sandbox has no %s", name)
		} else if got := keys(s.open(front)); !slices.Equal(members, got) {
			t.Errorf("%s: the language has %q\nthe sandbox has %q", name, members, got)
		}
	}
}
