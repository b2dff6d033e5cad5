package haproxy

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/traffictest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// groups starts two proxies with a pool of five servers, which scripts see as two
// groups and a single one.
func groups(t *testing.T) (hosts, map[string]any) {
	t.Helper()
	h, lines := startHosts(t, "", map[string]int{"b1": 50, "b2": 50, "g1": 0, "g2": 0, "g3": 0, "red": 0})
	return h, map[string]any{"sockets": []any{startProxy(t, lines).socket, startProxy(t, lines).socket}, "pool": "wide",
		"groups": map[string]any{"blue": []any{"b1", "b2"}, "green": []any{"g1", "g2", "g3"}}}
}

func TestGroupsConform(t *testing.T) {
	_, config := groups(t)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{System: testedOn(t), Config: config,
		Reads: []plugins.Request{{Op: "weights"}, {Op: "servers"}},
		Writes: []plugins.Request{{Op: "split", Args: map[string]any{"green": 50, "blue": 50}}, {Op: "switch", Args: map[string]any{"to": "green"}},
			{Op: "drain", Args: map[string]any{"server": "blue"}}, {Op: "ready", Args: map[string]any{"server": "blue"}}}})
}

// TestGroups: a share is spread over a group; one of its servers may be down; what
// is done to it is done to all of them.
func TestGroups(t *testing.T) {
	h, config := groups(t)
	b := configured(t, config)
	weights := func() map[string]int {
		t.Helper()
		r, err := b.readFor(t.Context(), plugins.Request{})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]int{}
		for _, s := range r.pools[1].servers {
			out[s.real] = s.weight
		}
		return out
	}
	if got := must(t, b, "split", map[string]any{"blue": 60.0, "green": 40.0}); !maps.Equal(got, map[string]any{"blue": 60.0, "green": 40.0, "red": 0.0}) {
		t.Errorf("split: %v", got)
	}
	if got := weights(); !maps.Equal(got, map[string]int{"b1": 30, "b2": 30, "g1": 14, "g2": 13, "g3": 13, "red": 0}) {
		t.Errorf("weights %v", got)
	}
	h["g2"].Store(true)
	plugintest.Until(t, "g2 is down at both", func() bool { return serverOf(t, b, "wide", "green")["note"] == "g2: down" })
	if s := serverOf(t, b, "wide", "green"); s["status"] != "up" || s["configured"] != 40.0 || s["weight"].(float64) > 32 {
		t.Errorf("one of the group is down: %v", s)
	}
	must(t, b, "split", map[string]any{"blue": 10.0, "green": 90.0})
	for _, name := range []string{"g1", "g3"} {
		h[name].Store(true)
	}
	plugintest.Until(t, "green is down at both", func() bool { return must(t, b, "weights", nil)["green"] == 0.0 })
	_, err := invoke(t, b, "switch", map[string]any{"to": "green"})
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeConflict || !e.Retryable || !strings.Contains(e.Message, "server green (g1) of pool wide is to take traffic, and HAProxy sees it as down") {
		t.Errorf("nobody of the group is up: %v", err)
	}
	if _, err := invoke(t, b, "drain", map[string]any{"server": "blue"}); err == nil || !strings.Contains(err.Error(), "server blue is the last of pool wide") {
		t.Errorf("the last group is drained: %v", err)
	}
	if p, err := b.Preview(t.Context(), plugins.Request{Op: "split", Args: map[string]any{"blue": 100.0}}); err != nil || p.From != "blue 100%, green 0%, red 0%" || p.To != "blue 100%, green 0%, red 0%" {
		t.Errorf("preview %+v, %v", p, err)
	}
	for says, more := range map[string]map[string]any{
		"blue and green both mean the server b1": {"groups": map[string]any{"blue": []any{"b1"}, "green": []any{"b1"}}},
		"blue stands in servers as well":         {"servers": map[string]any{"blue": "red"}},
		"a server cannot be called pool":         {"groups": map[string]any{"pool": []any{"b1"}}},
	} {
		with := maps.Clone(config)
		maps.Copy(with, more)
		if err := New().Configure(t.Context(), with); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v gives %v, want %q", more, err, says)
		}
	}
	other := configured(t, func() map[string]any {
		with := maps.Clone(config)
		with["groups"] = map[string]any{"blue": []any{"b1", "b9"}}
		return with
	}())
	if _, err := invoke(t, other, "weights", nil); err == nil || !strings.Contains(err.Error(), "calls blue the server b9, which pool wide does not have") {
		t.Errorf("a server that is not there: %v", err)
	}
}

// TestModelDoesWhatGroupsDo: to scripts a group is a server.
func TestModelDoesWhatGroupsDo(t *testing.T) {
	h, config := groups(t)
	b := configured(t, config)
	members := map[string][]string{"blue": {"b1", "b2"}, "green": {"g1", "g2", "g3"}, "red": {"red"}}
	servers := map[string]any{}
	for _, name := range sortedKeys(members) {
		all := members[name]
		servers[name] = map[string]any{"weight": map[string]float64{"blue": 100}[name], "status": effect.Func(func(effect.Moment) (any, error) {
			for _, one := range all {
				if !h[one].Load() {
					return "up", nil
				}
			}
			return "down", nil
		})}
	}
	model := traffic.NewModel()
	if err := model.Load(map[string]any{"servers": servers}); err != nil {
		t.Fatal(err)
	}
	w := &plugintest.Walk{Backend: b, Module: traffic.Module(), Model: model, Plain: quiet, Late: true}
	w.Agree(t, "at first", "servers")
	random := rand.New(rand.NewPCG(13, 1))
	names := sortedKeys(members)
	for i := range 250 {
		if random.IntN(8) == 0 { // all of a group, whose servers take requests alike
			name := names[random.IntN(len(names))]
			down := !h[members[name][0]].Load()
			for _, one := range members[name] {
				h[one].Store(down)
			}
			w.Agree(t, fmt.Sprintf("round %d, %s down: %t", i, name, down), "servers")
			continue
		}
		op, args := traffictest.Draw(random, b, append(names, "grey"))
		w.Step(t, op, args)
		w.Agree(t, fmt.Sprintf("round %d, after %s %v", i, op, args), "servers")
	}
	w.Showed(t, 3, "split", "split conflict", "switch", "switch conflict", "drain", "ready")
	w.Compared(t, "haproxy", testedOn(t))
}

func TestSpread(t *testing.T) {
	got := map[string]int{}
	spread(got, []*server{{real: "a"}, {real: "b"}, {real: "c"}}, 8)
	if !reflect.DeepEqual(got, map[string]int{"a": 3, "b": 3, "c": 2}) {
		t.Errorf("%v", got)
	}
}
