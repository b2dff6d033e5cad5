package deploy

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

type obj = map[string]any

func TestDeployModel(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"envs": obj{"blue": obj{"version": "v1", "state": "active"}}, "versions": []any{"v1", "v2", "v3"}, "refuses": []any{"v3"}, "takes": obj{"release": "10m"},
		"regions": obj{"eu": obj{"version": "v1", "state": "active"}, "us": obj{"version": "v1", "envs": obj{"blue": obj{"version": "v0"}}}}})
	modeltest.Is(t, "status", r.Must("status", obj{"env": "blue"}), obj{"env": "blue", "version": "v1", "serving": "v1", "state": "active", "instances": 1.0})
	modeltest.Is(t, "absent", r.Must("status", obj{"env": "green"})["state"], "absent")
	r.Fails("activate", obj{"env": "green"}, effect.CodeConflict, "deploy.release")
	r.Fails("release", obj{"env": "green", "version": "v3"}, effect.CodeFailed, "v3 does not start")
	r.Fails("release", obj{"env": "green", "version": "v4"}, effect.CodeNotFound, "no version v4")
	modeltest.Is(t, "release", r.Must("release", obj{"env": "green", "version": "v2"}), obj{"env": "green", "version": "v2", "state": "released", "instances": 1.0})
	modeltest.Is(t, "activate", r.Must("activate", obj{"env": "green"})["state"], "active")
	told := func(op string, args obj) obj {
		return plain.Pick(r.Must(op, args), "version", "previous", "serving", "state")
	}
	modeltest.Is(t, "beside", told("release", obj{"env": "blue", "version": "v2"}), obj{"version": "v2", "previous": "v1", "serving": "v1", "state": "released"})
	modeltest.Is(t, "not after all", told("release", obj{"env": "blue", "version": "v1"}), obj{"version": "v1", "previous": "v2", "serving": "v1", "state": "active"})
	r.Must("release", obj{"env": "blue", "version": "v2"})
	modeltest.Is(t, "then", told("activate", obj{"env": "blue"}), obj{"version": "v2", "previous": "v1", "serving": "v2", "state": "active"})
	r.Must("release", obj{"region": "eu", "version": "v2"})
	r.Must("activate", obj{"region": "us"})
	modeltest.Is(t, "regions", r.Must("regions", nil)["regions"], []any{obj{"name": "eu", "active": true, "state": "released", "version": "v2", "serving": "v1"},
		obj{"name": "us", "active": true, "state": "active", "version": "v1", "serving": "v1"}})
	modeltest.Is(t, "an environment of regions", r.Must("regions", obj{"env": "blue"})["regions"], []any{obj{"name": "us", "active": false, "state": "released", "version": "v0"}})
	modeltest.Is(t, "decommission", r.Must("decommission", obj{"env": "blue"})["state"], "absent")
	modeltest.Is(t, "state", modeltest.At(r.State(), "envs", "blue"), obj{"state": "absent", "instances": 0.0, "previous": "v2"})
	if took := r.Model.(effect.Timed).Takes("release", nil); took != 10*time.Minute {
		t.Errorf("a release takes %s", took)
	}
	r = modeltest.New(t, Module(), obj{"envs": obj{"a": obj{"version": "v2", "serving": "v1"}, "b": obj{"version": "v1", "serving": "v1"}, "c": obj{"version": "v2", "serving": "v1", "state": "active"},
		"d": obj{"version": "v1", "serving": "v1", "state": "released"}}})
	for env, want := range map[string]obj{"a": {"state": "released", "serving": "v1"}, "b": {"state": "active", "serving": "v1"}, "c": {"state": "active", "serving": "v2"}, "d": {"state": "released"}} {
		modeltest.Is(t, "a scenario says "+env, plain.Pick(r.Must("status", obj{"env": env}), "state", "serving"), want)
	}
	r = modeltest.New(t, Module(), nil)
	r.Fails("status", obj{"env": "blue"}, effect.CodeUnsupported, "deploy = {")
	r.Fails("regions", nil, effect.CodeUnsupported)
	r.Must("activate", obj{"region": "us"})
	modeltest.Is(t, "assumed", r.State()["assumed"], true)
}
