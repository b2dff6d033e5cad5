package deploy

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

func TestScale(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"envs": obj{"blue": obj{"version": "v1", "state": "active", "instances": 3.0}, "green": obj{"version": "v2"}, "old": obj{}}})
	blue := obj{"env": "blue"}
	scale := func(n float64) obj { return obj{"env": "blue", "instances": n} }
	modeltest.Is(t, "up", r.Must("scale", scale(5)), obj{"env": "blue", "version": "v1", "serving": "v1", "state": "active", "instances": 5.0})
	modeltest.Is(t, "none", r.Must("scale", scale(0)), obj{"env": "blue", "version": "v1", "state": "released", "instances": 0.0})
	modeltest.Is(t, "again", r.Must("scale", scale(2)), obj{"env": "blue", "version": "v1", "serving": "v1", "state": "active", "instances": 2.0})
	r.Must("scale", scale(0))
	modeltest.Is(t, "a release waits", r.Must("release", obj{"env": "blue", "version": "v2"}), obj{"env": "blue", "version": "v2", "previous": "v1", "state": "released", "instances": 0.0})
	r.Fails("scale", scale(2), effect.CodeConflict, "version v2 waits there", "deploy.activate")
	modeltest.Is(t, "activated", r.Must("activate", blue), obj{"env": "blue", "version": "v2", "previous": "v1", "serving": "v2", "state": "active", "instances": 2.0})
	r.Fails("scale", obj{"env": "green", "instances": 2.0}, effect.CodeConflict, "has not been activated")
	r.Fails("scale", obj{"env": "old", "instances": 2.0}, effect.CodeConflict, "nothing is released there")
}

func TestNodes(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"envs": obj{"blue": obj{"version": "v1", "state": "active"}, "green": obj{"version": "v2", "state": "active"}}, "least": obj{"blue": 1.0},
		"nodes": obj{"a": obj{"runs": obj{"blue": 2.0}, "instances": 1.0}, "b": obj{"runs": obj{"blue": 1.0, "green": 1.0}}, "c": obj{"state": "cordoned"}, "d": obj{"ready": false}}})
	instances := func(env string) any { return r.Must("status", obj{"env": env})["instances"] }
	modeltest.Is(t, "instances", instances("blue"), 3.0)
	r.Fails("drain", obj{"node": "a"}, effect.CodeConflict, "is open", `deploy.cordon { node = "a" }`)
	r.Fails("cordon", obj{"node": "e"}, effect.CodeNotFound, "a, b, c, d")
	modeltest.Is(t, "cordoned", r.Must("cordon", obj{"node": "a"}), obj{"node": "a", "state": "cordoned", "ready": true, "instances": 3.0})
	modeltest.Is(t, "drained", r.Must("drain", obj{"node": "a"}), obj{"node": "a", "state": "cordoned", "ready": true, "instances": 0.0})
	modeltest.Is(t, "moved", r.Must("nodes", nil)["nodes"], []any{obj{"name": "a", "state": "cordoned", "ready": true, "instances": 0.0}, obj{"name": "b", "state": "open", "ready": true, "instances": 4.0},
		obj{"name": "c", "state": "cordoned", "ready": true, "instances": 0.0}, obj{"name": "d", "state": "open", "ready": false, "instances": 0.0}})
	modeltest.Is(t, "instances", instances("blue"), 3.0)
	r.Must("cordon", obj{"node": "b"})
	r.Fails("drain", obj{"node": "b"}, effect.CodeFailed, "3 instances of blue", "1 have to stay")
	r.Must("scale", obj{"env": "blue", "instances": 4.0}) // one waits for room
	modeltest.Is(t, "no room", instances("blue"), 3.0)
	r.Must("uncordon", obj{"node": "a"})
	modeltest.Is(t, "room", instances("blue"), 4.0)
	r.Must("drain", obj{"node": "b"})
	modeltest.Is(t, "all", instances("blue"), 4.0)
	r.Must("scale", obj{"env": "blue", "instances": 0.0})
	r.Must("cordon", obj{"node": "a"})
	modeltest.Is(t, "left", r.Must("drain", obj{"node": "a"})["instances"], 0.0)
	modeltest.Is(t, "nothing of green runs", r.Must("status", obj{"env": "green"}), obj{"env": "green", "version": "v2", "state": "released", "instances": 0.0})
	r.Must("uncordon", obj{"node": "c"})
	modeltest.Is(t, "green is back", r.Must("status", obj{"env": "green"}), obj{"env": "green", "version": "v2", "serving": "v2", "state": "active", "instances": 1.0})
	r = modeltest.New(t, Module(), nil)
	r.Fails("nodes", nil, effect.CodeUnsupported, "deploy = { nodes")
	modeltest.Is(t, "taken for granted", r.Must("drain", obj{"node": "x"})["instances"], 0.0)
	modeltest.Is(t, "assumed", r.State()["assumed"], true)
}

func TestJob(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"jobs": obj{"migrate": obj{"takes": "20m"}, "broken": obj{"fails": true}}})
	modeltest.Is(t, "job", r.Must("job", obj{"name": "migrate", "env": "blue"}), obj{"env": "blue", "id": "migrate"})
	r.Fails("job", obj{"name": "broken"}, effect.CodeFailed, "the job broken failed")
	r.Fails("job", obj{"name": "migrat"}, effect.CodeNotFound, "migrate")
	modeltest.Is(t, "state", r.State()["jobs"], obj{"migrate": obj{"runs": 1.0}})
	if took := r.Model.(effect.Timed).Takes("job", obj{"name": "migrate"}); took != 20*time.Minute {
		t.Errorf("it takes %s", took)
	}
}

func TestAsItStood(t *testing.T) {
	served := obj{"envs": obj{"blue": obj{"version": "v1", "serving": "v1"}}, "nodes": obj{"a": obj{"state": "open"}}}
	for want, now := range map[string]obj{
		"": served,
		"the run is failed, and environment blue is scaled to none; it served v1: add an on_rollback that scales it up again": {"envs": obj{"blue": obj{"version": "v1"}}},
		"the run is failed, and node a is cordoned; it was open: add an on_rollback that calls deploy.uncordon":               {"envs": served["envs"], "nodes": obj{"a": obj{"state": "cordoned"}}},
	} {
		v := &effect.View{Begin: func(string) map[string]any { return served }, State: func(string) map[string]any { return now }, Done: func() []effect.Occurrence {
			return []effect.Occurrence{{Module: "deploy", Name: "scale", Class: effect.Write, Args: obj{"env": "blue", "instances": 0.0}}}
		}}
		if got := asItStood(v, effect.Ending{Status: effect.StatusFailed, RollsBack: true}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestOneIsLeft(t *testing.T) {
	gone := []effect.Change{{Module: "deploy", Path: []string{"envs", "blue", "serving"}, From: "v1"}}
	e := effect.Occurrence{Module: "deploy", Name: "drain", Class: effect.Write, Args: obj{"node": "a"}, Changes: gone}
	v := &effect.View{State: func(string) map[string]any { return obj{"pools": obj{"web": obj{"weights": obj{"blue": 30.0}}}} }}
	if got := oneLeft(v, e); got != "deploy.drain leaves no instance of blue: no other machine is open; let one of them take part again first" {
		t.Error(got)
	}
	if got := notNeeded(v, e); got != "deploy.drain leaves no instance of blue, which takes 30% of the traffic: move it away first" {
		t.Error(got)
	}
	e.Changes = nil
	if oneLeft(v, e) != "" || notNeeded(v, e) != "" {
		t.Error("nothing was stopped")
	}
}
