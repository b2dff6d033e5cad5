package app

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// lamp is a backend of somebody's own.
type lamp struct{ name, module, op string }

func (l lamp) Describe() plugins.Description {
	return plugins.Description{Name: l.name, Module: l.module, Doc: "A lamp", Ops: []effect.Op{{Module: l.module, Name: l.op, Doc: "Look", Class: effect.Read}}}
}
func (lamp) Configure(context.Context, map[string]any) error      { return nil }
func (lamp) Invoke(context.Context, plugins.Request) (any, error) { return nil, nil }
func (lamp) Health(context.Context) error                         { return nil }

func lamps() effect.Module {
	return effect.Module{Name: "lamps", Ops: []effect.Op{{Module: "lamps", Name: "look", Doc: "Look", Class: effect.Read}}}
}

func TestParts(t *testing.T) {
	a := New(strings.NewReader(""), io.Discard, io.Discard)
	if err := a.Add(Parts{Modules: []effect.Module{lamps()}, Backends: []plugins.Backend{lamp{"bulb", "lamps", "look"}}}); err != nil {
		t.Fatal(err)
	}
	if _, known := a.Catalog().Op("lamps.look"); !known {
		t.Error("the module is not in the catalog")
	}
	if _, known := a.Catalog().Op("traffic.split"); !known {
		t.Error("the standard modules are gone")
	}
	if b, ok := a.Builtin("bulb"); !ok || b.Describe().Module != "lamps" || !slices.Contains(a.Builtins(), "bulb") {
		t.Error("the backend is not built in")
	}
	if got := a.Carriers("lamps.look"); !slices.Equal(got, []string{"bulb"}) {
		t.Errorf("carried by %v", got)
	}
}

func TestPartsThatDoNotFit(t *testing.T) {
	for what, c := range map[string]struct {
		parts Parts
		says  string
	}{
		"the name of a standard module":  {Parts{Modules: []effect.Module{{Name: "traffic"}}}, "declared twice"},
		"the name of a standard backend": {Parts{Modules: []effect.Module{lamps()}, Backends: []plugins.Backend{lamp{"haproxy", "lamps", "look"}}}, "two backends called haproxy"},
		"a backend without its module":   {Parts{Backends: []plugins.Backend{lamp{"bulb", "lamps", "look"}}}, "without that module"},
		"a backend with other ops":       {Parts{Modules: []effect.Module{lamps()}, Backends: []plugins.Backend{lamp{"bulb", "lamps", "light"}}}, "lamps.light: is not in the contract"},
	} {
		err := New(strings.NewReader(""), io.Discard, io.Discard).Add(c.parts)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
