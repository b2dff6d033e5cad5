package script

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// shares are the weights and the results of a proxy of blue and green.
func shares(green float64) map[string]any {
	w := map[string]any{"green": green, "blue": 100 - green}
	servers := []any{}
	for _, name := range []string{"blue", "green"} {
		servers = append(servers, map[string]any{"name": name, "weight": w[name], "configured": w[name], "status": "up"})
	}
	return map[string]any{"weights": w, "configured": w, "servers": servers}
}

// TestReadsTellDrift: what a read returns is held against what the run has set,
// in the main script and in a rollback.
func TestReadsTellDrift(t *testing.T) {
	var green atomic.Value
	var refuse atomic.Value
	green.Store(0.0)
	refuse.Store(effect.Code(""))
	rec := &recorder{answer: func(_ context.Context, call effect.Call) (any, error) {
		switch call.Op.String() {
		case "traffic.split":
			if code := refuse.Load().(effect.Code); code != "" {
				return nil, effect.Errorf(code, "no")
			}
			green.Store(call.Args["green"])
			return shares(green.Load().(float64)), nil
		case "exec.run": // somebody else
			green.Store(map[string]float64{"reload": 0, "half": 50}[call.Args["argv"].([]any)[0].(string)])
			return nil, nil
		case "http.request":
			refuse.Store(map[string]effect.Code{"http://refused": effect.CodeRefused, "http://failed": effect.CodeFailed, "http://-": ""}[call.Args["url"].(string)])
			return nil, nil
		}
		return shares(green.Load().(float64)), nil
	}}
	s := newScript(t, `
local t, exec, http = require "traffic", require "exec", require "http"
local function read(pool) return t.weights { pool = pool }.drift or "none" end
local function say(...) print(...) end
on_rollback("back", function() t.split { blue = 100, green = 0 } say("rolled back", read()) exec.run { argv = { "half" }, class = "read" } say("rollback", read()) end)
say("nothing set", read())
t.split { blue = 70, green = 30 }
say("set", read())
exec.run { argv = { "reload" }, class = "read" }
say("reload", read())
say("servers", t.servers {}.drift)
say("another pool", read("other"))
t.split { blue = 50, green = 50 }
exec.run { argv = { "reload" }, class = "read" }
http.request { url = "http://refused" }
say(pcall(t.split, { blue = 70, green = 30 }))
say("refused", read())
http.request { url = "http://failed" }
say(pcall(t.split, { blue = 70, green = 30 }))
say("failed", read())
http.request { url = "http://-" }
`, rec)
	if err := run(t, s); err != nil {
		t.Fatal(err)
	}
	if err := within(t, func() error {
		return s.RunRollback(context.Background(), s.Rollbacks()[0], effect.RollbackPlace(1, 1), false)
	}); err != nil {
		t.Fatal(err)
	}
	const drift = "traffic is not what this run set at main.lua:%d: the configured pool: set were %s; now %s"
	want := []string{
		"nothing set\tnone", "set\tnone",
		"traffic.weights: " + fmt.Sprintf(drift, 7, "blue 70%, green 30%", "blue 100%, green 0%"),
		"reload\t" + fmt.Sprintf(drift, 7, "blue 70%, green 30%", "blue 100%, green 0%"),
		"traffic.servers: " + fmt.Sprintf(drift, 7, "blue 70%, green 30%", "blue 100%, green 0%"),
		"servers\t" + fmt.Sprintf(drift, 7, "blue 70%, green 30%", "blue 100%, green 0%"),
		"another pool\tnone",
	}
	got := rec.printed()
	for i, w := range want {
		if i >= len(got) || got[i] != w {
			t.Fatalf("line %d of\n%s\nwant %s", i, strings.Join(got, "\n"), w)
		}
	}
	rest := strings.Join(got[len(want):], "\n")
	for _, w := range []string{"refused\ttraffic is not what this run set at main.lua:13: ", "failed\tnone", "rolled back\tnone", "rollback\ttraffic is not what this run set at main.lua:5: "} {
		if !strings.Contains(rest, w) {
			t.Errorf("%q is not in\n%s", w, rest)
		}
	}
}

// TestReadsBesideAWrite: a read that meets a write of another branch finds the
// proxy half changed, and tells nothing.
func TestReadsBesideAWrite(t *testing.T) {
	writing, reading := make(chan struct{}), make(chan struct{})
	rec := &recorder{}
	rec.answer = func(_ context.Context, call effect.Call) (any, error) {
		switch {
		case call.Op.Name == "split" && call.Args["green"] == 10.0:
			return shares(10), nil
		case call.Op.Name == "split":
			close(writing)
			<-reading
			return shares(90), nil
		}
		<-writing
		defer close(reading)
		return shares(40), nil
	}
	s := newScript(t, `
local t = require "traffic"
t.split { blue = 90, green = 10 }
parallel {
  gate = function() print("drift", t.weights {}.drift) end,
  shift = function() t.split { blue = 10, green = 90 } end,
}
`, rec)
	if err := run(t, s); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rec.printed(), "\n"); got != "drift\tnil" {
		t.Error(got)
	}
}
