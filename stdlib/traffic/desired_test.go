package traffic

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

// servers is what traffic.servers returns of servers, each name, set, taken
// and at times status and note.
func servers(list ...[]any) obj {
	out := []any{}
	for _, e := range list {
		s := obj{"name": e[0], "configured": e[1], "weight": e[2], "status": "up"}
		if len(e) > 3 {
			s["status"] = e[3]
		}
		if len(e) > 4 {
			s["note"] = e[4]
		}
		out = append(out, s)
	}
	return obj{"servers": out}
}

// TestDeviation: what is read is held against what the writes before it set.
func TestDeviation(t *testing.T) {
	type write struct {
		op     string
		args   obj
		result any
	}
	half := write{"split", obj{"blue": 50.0, "green": 50.0}, obj{"configured": obj{"blue": 50.0, "green": 50.0}}}
	drained := write{"drain", obj{"server": "green"}, obj{"configured": obj{"blue": 100.0, "green": 0.0}}}
	ready := write{"ready", obj{"server": "green"}, obj{"configured": obj{"blue": 50.0, "green": 50.0}}}
	// four servers, of which the run has said nothing yet
	out := func(op, server string, a, b, c, d float64) write {
		return write{op, obj{"server": server}, obj{"configured": obj{"a": a, "b": b, "c": c, "d": d}}}
	}
	third := 100.0 / 3
	fourth := []write{out("drain", "b", third, 0, third, third), out("drain", "c", 50, 0, 0, 50), out("ready", "b", third, third, 0, third), out("ready", "c", 25, 25, 25, 25)}
	fourthInReverse := []write{fourth[0], fourth[1], out("ready", "c", third, 0, third, third), out("ready", "b", 25, 25, 25, 25)}
	quarters := servers([]any{"a", 25.0, 25.0}, []any{"b", 25.0, 25.0}, []any{"c", 25.0, 25.0}, []any{"d", 25.0, 25.0})
	even, blueOnly := servers([]any{"blue", 50.0, 50.0}, []any{"green", 50.0, 50.0}), servers([]any{"blue", 100.0, 100.0}, []any{"green", 0.0, 0.0, "drain"})
	for name, c := range map[string]struct {
		writes           []write
		op               string // servers if left out
		result           any
		drift, unsettled string // what they hold; "" for none
	}{
		"an operator's word of a split that keeps the others": {writes: []write{{"split", obj{"blue": 60.0, "red": 40.0}, nil}, {"split", obj{"green": 50.0, "others": "keep"}, nil}},
			result: servers([]any{"blue", 30.0, 30.0}, []any{"green", 50.0, 50.0}, []any{"red", 20.0, 20.0})},
		"an operator's word of others that nobody knows": {writes: []write{{"split", obj{"green": 50.0, "others": "keep"}, nil}}, result: blueOnly},
		"one that was out keeps its weight": {writes: []write{{"drain", obj{"server": "red"}, obj{"configured": obj{"blue": 100.0, "green": 0.0, "red": 0.0}}},
			{"split", obj{"green": 50.0, "others": "keep"}, obj{"configured": obj{"blue": 50.0, "green": 50.0, "red": 0.0}}},
			{"ready", obj{"server": "red"}, obj{"configured": obj{"blue": 40.0, "green": 40.0, "red": 20.0}}}},
			result: servers([]any{"blue", 40.0, 40.0}, []any{"green", 40.0, 40.0}, []any{"red", 20.0, 20.0})},
		"as set":                    {writes: []write{half}, result: even},
		"reloaded":                  {writes: []write{half}, result: servers([]any{"blue", 100.0, 100.0}, []any{"green", 0.0, 0.0}), drift: "the configured pool: set were blue 50%, green 50%; now blue 100%, green 0%"},
		"whole weights":             {writes: []write{{"split", obj{"blue": 87.5, "green": 12.5}, nil}}, result: servers([]any{"blue", 100.0 * 88 / 101, 87.1}, []any{"green", 100.0 * 13 / 101, 12.9})},
		"an operator's word":        {writes: []write{{"switch", obj{"to": "green"}, nil}}, result: blueOnly, drift: "set were blue 0%, green 100%; now blue 100%, green 0% (drain)"},
		"slow start":                {writes: []write{half}, result: servers([]any{"blue", 50.0, 94.0}, []any{"green", 50.0, 6.0, "up", "slow start: weight 4 of 50 (6%)"}), unsettled: "green takes 6%, set were 50% (slow start: weight 4 of 50 (6%))"},
		"down":                      {writes: []write{half}, result: servers([]any{"blue", 50.0, 100.0}, []any{"green", 50.0, 0.0, "down"}), unsettled: "green takes 0%, set were 50% (down)"},
		"a percent that none takes": {writes: []write{{"split", obj{"blue": 99.0, "green": 1.0}, nil}}, result: servers([]any{"blue", 99.0, 100.0}, []any{"green", 1.0, 0.0, "down"}), unsettled: "green takes 0%"},
		"taken out":                 {writes: []write{half}, result: servers([]any{"blue", 100.0, 100.0}, []any{"green", 0.0, 0.0, "maint"}), drift: "green 0% (maint)"},
		"gone":                      {writes: []write{half}, result: servers([]any{"blue", 50.0, 50.0}), drift: "green gone"},
		"a new one":                 {writes: []write{half}, result: servers([]any{"blue", 33.0, 33.0}, []any{"green", 33.0, 33.0}, []any{"red", 34.0, 34.0}), drift: "red 34%"},
		"a new one without":         {writes: []write{half}, result: servers([]any{"blue", 50.0, 50.0}, []any{"green", 50.0, 50.0}, []any{"red", 0.0, 0.0})},
		"processes differ": {writes: []write{half}, result: func() obj {
			r := servers([]any{"blue", 50.0, 50.0}, []any{"green", 50.0, 50.0})
			r["drift"] = "the processes of HAProxy differ: x"
			return r
		}(), drift: "the processes of HAProxy differ: x"},
		"drained":              {writes: []write{half, drained}, result: blueOnly},
		"drained, let in":      {writes: []write{half, drained}, result: even, drift: "set were blue 100%, green 0%; now blue 50%, green 50%"},
		"ready again":          {writes: []write{half, drained, ready}, result: even},
		"ready, not as set":    {writes: []write{half, drained, ready}, result: servers([]any{"blue", 99.0, 99.0}, []any{"green", 1.0, 1.0}), drift: "set were blue 50%, green 50%"},
		"only drained":         {writes: []write{drained}, result: blueOnly},
		"only drained, let in": {writes: []write{drained}, result: even, drift: "set were blue 100%, green 0%"},
		"drained and ready":    {writes: []write{drained, ready}, result: even},
		"split while drained":  {writes: []write{half, drained, {"split", obj{"blue": 100.0, "green": 0.0}, nil}}, result: blueOnly},
		"by weights":           {writes: []write{half}, op: "weights", result: obj{"weights": obj{"blue": 100.0, "green": 0.0}, "configured": obj{"blue": 100.0, "green": 0.0}}, drift: "now blue 100%"},
		"a backend that tells only what is taken": {writes: []write{half}, op: "weights", result: obj{"weights": obj{"blue": 100.0, "green": 0.0}}, unsettled: "green takes 0%"},
		"two drained, ready in their order":       {writes: fourth, result: quarters},
		"two drained, ready in reverse":           {writes: fourthInReverse, result: quarters},
		"ready again, and the other still out":    {writes: fourth[:3], result: servers([]any{"a", third, third}, []any{"b", third, third}, []any{"c", 0.0, 0.0, "drain"}, []any{"d", third, third})},
		"ready again, and the other let in":       {writes: fourth[:3], result: quarters, drift: "c 0%, d 33.33%; now a 25%"},
		"ready again, and another weight":         {writes: fourth, result: servers([]any{"a", 40.0, 40.0}, []any{"b", 20.0, 20.0}, []any{"c", 20.0, 20.0}, []any{"d", 20.0, 20.0}), drift: "set were a 25%"},
		"out before the run, and drained by it":   {writes: []write{{"drain", obj{"server": "b"}, obj{"configured": obj{"a": 100.0, "b": 0.0, "c": 0.0}}}, {"drain", obj{"server": "c"}, obj{"configured": obj{"a": 100.0, "b": 0.0, "c": 0.0}}}, {"ready", obj{"server": "c"}, obj{"configured": obj{"a": 50.0, "b": 0.0, "c": 50.0}}}}, result: servers([]any{"a", 50.0, 50.0}, []any{"b", 0.0, 0.0, "drain"}, []any{"c", 50.0, 50.0})},
		"out before the run, and made ready":      {writes: []write{{"drain", obj{"server": "b"}, obj{"configured": obj{"a": 100.0, "b": 0.0, "c": 0.0}}}, {"ready", obj{"server": "c"}, obj{"configured": obj{"a": 50.0, "b": 0.0, "c": 50.0}}}}, result: servers([]any{"a", 50.0, 50.0}, []any{"b", 0.0, 0.0, "drain"}, []any{"c", 50.0, 50.0})},
		"no answer":                               {writes: []write{half}, result: obj{}},
	} {
		var set any
		for _, w := range c.writes {
			set = desired().Set(set, w.op, w.args, w.result)
		}
		op := c.op
		if op == "" {
			op = "servers"
		}
		d := desired().Compare(set, op, obj{}, c.result)
		if !holds(d.Drift, c.drift) || !holds(d.Unsettled, c.unsettled) {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if set := desired().Set(nil, "ready", obj{"server": "green"}, nil); set != nil {
		t.Errorf("out of nothing %v", set)
	}
}

func holds(text, part string) bool {
	return (text == "") == (part == "") && strings.Contains(text, part)
}

// TestNoDriftOfOnesOwn: whatever a run does to a pool, in any order, is what it
// set, at every read; and what somebody else changes beside it is not.
func TestNoDriftOfOnesOwn(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c", "d"}
	told := 0
	for range 400 {
		servers := obj{}
		for _, name := range names {
			servers[name] = obj{"weight": float64(10 + random.IntN(40)), "status": []string{"up", "up", "up", "drain", "maint"}[random.IntN(5)]}
		}
		r := modeltest.New(t, Module(), obj{"servers": servers})
		var set any
		var done []string
		for range 12 {
			op, args := []string{"drain", "ready"}[random.IntN(2)], obj{"server": names[random.IntN(4)]}
			if random.IntN(6) == 0 {
				op, args = "split", obj{"a": 30.0, "b": 70.0}
			}
			result, err := r.Model.Do(r.Moment(), op, args)
			if err != nil {
				continue // the last one, or one in maintenance
			}
			done = append(done, fmt.Sprint(op, args))
			set = desired().Set(set, op, args, result)
			for _, read := range []string{"servers", "weights"} {
				if d := desired().Compare(set, read, obj{}, r.Must(read, nil)); set != nil && d != (effect.Deviation{}) {
					t.Fatalf("%v of %v: %+v", done, servers, d)
				}
			}
		}
		if set == nil {
			continue
		}
		before := r.Must("weights", nil)["configured"].(obj)
		r.Must("switch", obj{"to": upOf(r.Must("servers", nil))})
		if after := r.Must("weights", nil); fmt.Sprint(before) != fmt.Sprint(after["configured"]) {
			if told++; desired().Compare(set, "weights", obj{}, after).Drift == "" {
				t.Fatalf("%v of %v: %v became %v, and nobody says so", done, servers, before, after)
			}
		}
	}
	if told < 100 {
		t.Errorf("only %d times somebody else changed something", told)
	}
}

// upOf returns a server that takes requests.
func upOf(result map[string]any) string {
	for _, e := range result["servers"].([]any) {
		if s := e.(map[string]any); s["status"] == "up" {
			return s["name"].(string)
		}
	}
	return ""
}
