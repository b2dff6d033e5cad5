package script

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/deploy"
)

// TestModelDoesWhatDeploymentsDo walks the page's program and the model of the
// module at random, and holds what they say against each other, and against
// what is served: on this machine, and on two hosts at once.
func TestModelDoesWhatDeploymentsDo(t *testing.T) {
	places := []string{"eu/all", "us/all", "eu/blue", "us/blue"}
	t.Run("here", func(t *testing.T) {
		s := newShop(t)
		for _, place := range places {
			put(t, filepath.Join(s.root, place, ".keep"), "")
		}
		walk(t, configured(t, s.config()), obj{}, 100, func(region, env string) string { return s.served(t, region, env) })
	})
	t.Run("on hosts", func(t *testing.T) {
		f := newFleet(t, "web-1", "web-2")
		for _, place := range places {
			put(t, filepath.Join(f.home("web-1"), "shop", place, ".keep"), "")
			put(t, filepath.Join(f.home("web-2"), "shop", place, ".keep"), "")
		}
		host := obj{"state": "absent", "instances": 0}
		none := obj{"hosts": obj{"web-1": host, "web-2": host}}
		walk(t, configured(t, f.config("web")), none, 40, func(region, env string) string {
			one, other := served(t, filepath.Join(f.home("web-1"), "shop"), region, env), served(t, filepath.Join(f.home("web-2"), "shop"), region, env)
			if one != other {
				t.Errorf("at %s/%s one host serves %q, the other %q", region, env, one, other)
			}
			return one
		})
	})
}

// walk does so many steps, from places of which nothing but that is declared.
func walk(t *testing.T, b *Backend, none obj, steps int, served func(region, env string) string) {
	t.Helper()
	model := contract.NewModel()
	if err := model.Load(obj{"envs": obj{"blue": none, "green": none}, "versions": []any{"v1", "v2", "v3", "v4", "broken"}, "refuses": []any{"broken"},
		"regions": obj{"eu": with(none, obj{"envs": obj{"blue": none}}), "us": with(none, obj{"envs": obj{"blue": none}})}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 14))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	seen := map[string]int{}
	for i := range steps {
		op, args := pick("status", "regions", "release", "release", "release", "activate", "activate", "decommission", "scale", "scale"), obj{}
		place := [][2]string{{"", "blue"}, {"", "green"}, {"eu", ""}, {"us", ""}, {"eu", "blue"}}[random.IntN(5)]
		if place[0] != "" && op != "regions" {
			args["region"] = place[0]
		}
		if place[1] != "" {
			args["env"] = place[1]
		}
		if op == "release" {
			args["version"] = pick("v1", "v2", "v3", "v4", "v9", "broken")
		}
		if op == "scale" {
			args["instances"] = random.IntN(3)
		}
		req := request(t, op, args)
		req.Key = fmt.Sprint("key-", i)
		real, realErr := b.Invoke(t.Context(), req)
		modeled, modelErr := model.Do(effect.Moment{Now: time.Now(), Key: req.Key, World: func(string) obj { return nil }}, op, req.Args)
		if realErr != nil || modelErr != nil {
			r, m := effect.AsError(realErr), effect.AsError(modelErr)
			if r == nil || m == nil || r.Code != m.Code || r.Retryable != m.Retryable {
				t.Fatalf("step %d, %s %v: the program gives %v, the model %v", i, op, args, realErr, modelErr)
			}
			seen[op+" "+string(r.Code)]++
			continue
		}
		if is, said := real, modeled; !reflect.DeepEqual(is, said) {
			t.Fatalf("step %d, %s %v:\nthe program gives %v\nthe model       %v", i, op, args, is, said)
		}
		seen[op]++
		if op == "regions" {
			continue
		}
		serving, _ := modeled.(obj)["serving"].(string)
		if got := served(or(place[0], "all"), or(place[1], "all")); got != serving {
			t.Fatalf("step %d, %s %v: served is %q, the model says %q", i, op, args, got, serving)
		}
		if op != "status" {
			if got, err := b.Observe(t.Context(), req); err != nil || got.State != effect.Applied {
				t.Fatalf("step %d, %s %v: observed %+v, %v", i, op, args, got, err)
			}
		}
	}
	for _, what := range []string{"status", "regions", "release", "activate", "decommission", "release not_found", "release failed", "activate conflict", "scale conflict"} {
		if seen[what] < steps/60 {
			t.Errorf("%s came %d times in %d steps: the walk shows too little", what, seen[what], steps)
		}
	}
	if len(none) == 0 && seen["scale"] < steps/60 {
		t.Errorf("scale came %d times in %d steps: the walk shows too little", seen["scale"], steps)
	}
	plugintest.Compared(t, "script", shopProgram, steps)
}

func with(one, other obj) obj {
	out := maps.Clone(one)
	maps.Copy(out, other)
	return out
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
