package exec

import (
	"errors"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

type obj = map[string]any

func TestExecModel(t *testing.T) {
	count := effect.Func(func(m effect.Moment) (any, error) {
		return obj{"runs": modeltest.At(m.World("exec"), "vars", "runs").(float64) + 1}, nil
	})
	boom := effect.Func(func(effect.Moment) (any, error) { return nil, errors.New("boom") })
	r := modeltest.New(t, Module(), obj{"vars": obj{"runs": 0.0}, "commands": obj{
		"./deploy.sh":             obj{"takes": "30s", "output": "done\n", "sets": obj{"deployed": "v2"}},
		"./deploy.sh --env=red":   obj{"code": 3.0, "sets": obj{"deployed": "v3"}},
		"./count.sh":              obj{"apply": count},
		"./boom.sh":               obj{"sets": obj{"x": boom}},
		"./members.sh":            obj{"json": []any{obj{"name": "pg-2"}}, "stderr": "old flag\n"},
		"npm run test:smoke -- ":  obj{"output": "smoke"},
		"psql   -c   'SELECT 1' ": obj{"output": "1"},
	}})
	modeltest.Is(t, "deploy", r.Must("run", obj{"argv": []any{"./deploy.sh", "--env=green"}}), obj{"code": 0.0, "stdout": "done\n", "stderr": "", "output": "done\n", "truncated": false, "seconds": 30.0})
	modeltest.Is(t, "vars", r.State(), obj{"vars": obj{"runs": 0.0, "deployed": "v2"}})
	r.Fails("run", obj{"argv": []any{"./deploy.sh", "--env=red"}}, effect.CodeFailed, "exit code 3", "add it to ok")
	modeltest.Is(t, "code 3 may be fine", r.Must("run", obj{"argv": []any{"./deploy.sh", "--env=red"}, "ok": []any{0.0, 3.0}})["code"], 3.0)
	modeltest.Is(t, "sets", modeltest.At(r.State(), "vars", "deployed"), "v3")
	r.Must("run", obj{"argv": []any{"./count.sh"}})
	r.Must("run", obj{"shell": "./count.sh"})
	members := r.Must("run", obj{"shell": "./members.sh", "json": true})
	modeltest.Is(t, "json", members["json"], []any{obj{"name": "pg-2"}})
	modeltest.Is(t, "stderr", members["stderr"], "old flag\n")
	r.Fails("run", obj{"argv": []any{"./deploy.sh"}, "json": true}, effect.CodeFailed, "as JSON", "json = {")
	modeltest.Is(t, "runs", modeltest.At(r.State(), "vars", "runs"), 2.0)
	modeltest.Is(t, "whole words", r.Must("run", obj{"argv": []any{"./deploy.sh-all"}})["output"], "")
	modeltest.Is(t, "several words", r.Must("run", obj{"argv": []any{"npm", "run", "test:smoke", "--", "--env=green"}})["output"], "smoke")
	r.Fails("run", obj{"argv": []any{"./boom.sh"}}, effect.CodeInvalid, "boom", "scenario")
	r.Fails("run", obj{"argv": []any{"./deploy.sh"}, "timeout": "10s"}, effect.CodeUnknown, "took longer than 10s")
	r.Fails("run", obj{"argv": []any{"./deploy.sh"}, "timeout": "10s", "class": "read"}, effect.CodeTimeout)
	if took := r.Model.(effect.Timed).Takes("run", obj{"argv": []any{"./deploy.sh"}, "timeout": 10.0}); took != 10*time.Second {
		t.Errorf("a command that is killed takes %s", took)
	}
}
