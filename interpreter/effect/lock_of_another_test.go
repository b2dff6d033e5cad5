package effect_test

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestLockOfAnother(t *testing.T) {
	pools := map[string]any{"pools": map[string]any{"api": map[string]any{}, "web": map[string]any{}}}
	split := func(pool string) effect.Occurrence {
		return effect.Occurrence{Module: "traffic", Name: "split", Class: effect.Write, Args: map[string]any{"pool": pool}}
	}
	set := func(name string) effect.Occurrence {
		return effect.Occurrence{Module: "dns", Name: "set", Class: effect.Write, Args: map[string]any{"name": name}}
	}
	part, name := effect.LockOfAnother("traffic", "pool", "pools").After, effect.LockOfAnotherName("dns", "name").After
	for _, c := range []struct {
		after func(*effect.View, effect.Occurrence) string
		locks []string
		e     effect.Occurrence
		want  bool
	}{
		{part, []string{"traffic/web"}, split("api"), true},
		{part, []string{"traffic/web", "traffic/api"}, split("api"), false},
		{part, []string{"traffic"}, split("api"), false},
		{part, []string{"traffic/front"}, split("api"), false}, // a name of one's own
		{part, []string{"traffic/web"}, split(""), false},
		{part, nil, split("api"), false}, // of which another invariant tells
		{name, []string{"dns/example.com"}, set("www.example.org"), true},
		{name, []string{"dns/example.org"}, set("www.Example.org."), false},
		{name, []string{"dns/ple.org"}, set("www.example.org"), true},
		{name, []string{"dns/www.example.org"}, set("www.example.org"), false},
		{name, []string{"dns/public"}, set("www.example.org"), false},
	} {
		v := &effect.View{Locks: c.locks, Begin: func(string) map[string]any { return pools }}
		if got := c.after(v, c.e); (got != "") != c.want {
			t.Errorf("%v under %v: %q", c.e.Args, c.locks, got)
		}
	}
	if got := name(&effect.View{Locks: []string{"dns/example.com"}}, set("www.example.org")); !strings.Contains(got, `locks = { "dns/www.example.org" }`) {
		t.Errorf("it does not say what to write: %q", got)
	}
}
