package exec

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/exec"
)

type obj = map[string]any

// TestModelDoesWhatProgramsDo runs programs, and the model of the module that a
// scenario has told what they do, at random, and holds what they say against each
// other: which ends are failures, what is known of one that was stopped, what JSON
// becomes, and what has changed.
func TestModelDoesWhatProgramsDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runs")
	count := "echo >>" + file
	commands := obj{
		"echo hi":           obj{"output": "hi\n"},
		"/bin/echo hi":      obj{"output": "hi\n"},
		"echo hi >&2":       obj{"stderr": "hi\n"},
		"exit 3":            obj{"code": 3.0},
		"echo why; exit 70": obj{"code": 70.0, "output": "why\n"},
		`echo '{"a": [1]}'`: obj{"output": "{\"a\": [1]}\n", "json": obj{"a": []any{1.0}}},
		"sleep 60":          obj{"takes": 60.0},
		count: obj{"apply": effect.Func(func(m effect.Moment) (any, error) {
			n := m.World("exec")["vars"].(obj)["runs"].(float64)
			return obj{"runs": n + 1}, nil
		})},
	}
	model := contract.NewModel()
	if err := model.Load(obj{"vars": obj{"runs": 0.0}, "commands": commands}); err != nil {
		t.Fatal(err)
	}
	w := &plugintest.Walk{Backend: configured(t, nil), Module: contract.Module(), Model: model,
		Plain: func(_ string, result map[string]any) { delete(result, "seconds") }}
	random := rand.New(rand.NewPCG(2, 6))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	ran := 0
	for range 60 {
		args := obj{"class": pick("read", "write", "irreversible")}
		switch line := pick("echo hi", "echo hi >&2", "exit 3", "echo why; exit 70", `echo '{"a": [1]}'`, `echo '{"a": [1]}'`, "sleep 60", count, "argv"); line {
		case "argv":
			args["argv"] = []any{"/bin/echo", "hi"}
		case "sleep 60":
			args["shell"], args["timeout"] = line, "20ms"
		default:
			args["shell"] = line
		}
		if args["class"] == "write" && random.IntN(2) == 0 {
			args["recovery"] = "retry"
		}
		if random.IntN(3) == 0 && args["shell"] != count { // in the model what fails has changed nothing
			args["json"] = true
		}
		if random.IntN(3) == 0 {
			args["ok"] = []any{0.0, 3.0}
		}
		if w.Step(t, "run", args) == nil && args["shell"] == count {
			ran++
		}
	}
	w.Showed(t, 2, "run", "run failed", "run unknown", "run timeout")
	lines, err := os.ReadFile(file)
	vars, _ := model.State(effect.Moment{})["vars"].(obj)
	if n := strings.Count(string(lines), "\n"); err != nil || ran == 0 || fmt.Sprint(vars["runs"]) != fmt.Sprint(n) {
		t.Errorf("%d runs are in the file (%v), in the model %v; %d succeeded", n, err, vars["runs"], ran)
	}
	w.Compared(t, "exec", programs)
}
