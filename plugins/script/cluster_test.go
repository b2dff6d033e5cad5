package script

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/deploy"
)

// newCluster adds the page's program for jobs and machines to a shop, with the
// machines n1 to n3 and the jobs migrate and broken.
func newCluster(t *testing.T) (*shop, obj) {
	t.Helper()
	s := newShop(t)
	cluster := put(t, filepath.Join(s.dir, "cluster.sh"), block(t, 1))
	for node, n := range map[string]int{"n1": 3, "n2": 1, "n3": 0} {
		put(t, filepath.Join(s.root, "nodes/all", node, ".keep"), "")
		for i := range n {
			put(t, filepath.Join(s.root, "nodes/all", node, fmt.Sprint(node, "-", i)), "")
		}
	}
	put(t, filepath.Join(s.dir, "jobs/migrate"), "#!/bin/sh\necho migrating; echo x >>\"$ROOT/migrated\"\n")
	put(t, filepath.Join(s.dir, "jobs/broken"), "#!/bin/sh\nexit 3\n")
	config, programs := s.config(), obj{}
	config["env"].(obj)["JOBS"] = filepath.Join(s.dir, "jobs")
	for _, word := range []string{"job", "job_status", "nodes", "cordon", "uncordon", "drain"} {
		programs[word] = cluster
	}
	config["programs"] = programs
	return s, config
}

// migrated returns how often the job ran.
func (s *shop) migrated() int {
	text, _ := os.ReadFile(filepath.Join(s.root, "migrated"))
	return strings.Count(string(text), "x")
}

// TestModelDoesWhatMachinesDo walks the page's second program and the model at random.
func TestModelDoesWhatMachinesDo(t *testing.T) {
	_, config := newCluster(t)
	b, model := configured(t, config), contract.NewModel()
	if err := model.Load(obj{"nodes": obj{"n1": obj{"runs": obj{"web": 3}}, "n2": obj{"runs": obj{"web": 1}}, "n3": obj{}}, "jobs": obj{"migrate": obj{}, "broken": obj{"fails": true}}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(8, 15))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	seen := map[string]int{}
	const steps = 40
	for i := range steps {
		op, args := pick("nodes", "cordon", "cordon", "uncordon", "drain", "drain", "job"), obj{}
		switch op {
		case "nodes":
		case "job":
			args["name"], args["class"] = pick("migrate", "migrate", "broken", "gone"), "write"
		default:
			args["node"] = pick("n1", "n2", "n3", "n1", "n2", "n3", "n9")
		}
		req := request(t, op, args)
		req.Key = fmt.Sprint("run/", i)
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
		if op == "job" { // each calls it as it likes
			delete(real.(obj), "id")
			delete(modeled.(obj), "id")
		}
		if !reflect.DeepEqual(real, modeled) {
			t.Fatalf("step %d, %s %v:\nthe program gives %v\nthe model       %v", i, op, args, real, modeled)
		}
		seen[op]++
	}
	for _, what := range []string{"nodes", "cordon", "uncordon", "drain", "job", "job failed", "job not_found", "drain conflict", "cordon not_found"} {
		if seen[what] == 0 {
			t.Errorf("%s never came: the walk shows too little (%v)", what, seen)
		}
	}
	plugintest.Compared(t, "script", shopProgram, steps)
}

// TestJobIsKilled: a runner is killed before, within and after a job. It runs
// once, whatever has to be asked for again.
func TestJobIsKilled(t *testing.T) {
	for point, c := range map[string]struct {
		want effect.Observed
		ran  int
		code effect.Code // of the repetition
	}{
		"before": {effect.NotApplied, 1, ""},
		"within": {effect.NotApplied, 1, effect.CodeFailed}, // it was broken off
		"after":  {effect.Applied, 1, ""},
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s, config := newCluster(t)
			b := configured(t, config)
			req := request(t, "job", obj{"name": "migrate", "class": "write"})
			req.Key = "run/7"
			defer plugintest.Killed(t, b.Describe().Name, shopProgram, 1)
			stop := "echo >'" + s.dir + "/reached'; while :; do sleep 0.05; done\n"
			cluster := filepath.Join(s.dir, "cluster.sh")
			text := map[string]string{"before": stop, "within": "exec '" + cluster + "' job\n", "after": "'" + cluster + "' job\n" + stop}[point]
			if point == "within" {
				put(t, filepath.Join(s.dir, "jobs/migrate"), "#!/bin/sh\necho x >>\"$ROOT/migrated\"\n"+stop)
			}
			_, other := newCluster(t)
			for key, v := range config {
				other[key] = v
			}
			other["programs"] = obj{"job": put(t, filepath.Join(s.dir, "stops.sh"), "#!/bin/sh\n"+text)}
			plugintest.Kill(t, b.Describe().Name, other, req, func() {
				plugintest.Until(t, "the point", func() bool { _, err := os.Stat(filepath.Join(s.dir, "reached")); return err == nil })
			})

			got, err := b.Observe(t.Context(), req)
			if err != nil || got.State != c.want {
				t.Fatalf("observed %+v, %v, want %s", got, err, c.want)
			}
			if c.want == effect.NotApplied {
				req.Attempt = 2
				if _, err := b.Invoke(t.Context(), req); c.code == "" && err != nil || c.code != "" && says(effect.AsError(err), c.code, "failed at an earlier attempt, and was not run again", "its directory is") != nil {
					t.Errorf("again: %v", err)
				}
			}
			if n := s.migrated(); n != c.ran {
				t.Errorf("it ran %d times, want %d", n, c.ran)
			}
		})
	}
}

// TestConfirmed: what the programs answer has to bear a write out, and what they cannot
// confirm is not begun.
func TestConfirmed(t *testing.T) {
	scale, drain, job := obj{"env": "green", "instances": 3}, obj{"node": "n1"}, obj{"name": "migrate", "class": "write"}
	for _, c := range []struct {
		name, op string
		args     obj
		program  string
		invoked  effect.Code // "" for success
		says     string
		observed effect.Observed // "" for an error
	}{
		{"scaled", "scale", scale, `echo '{"state":"active","version":"v1","instances":3}'`, "", "", effect.Applied},
		{"not scaled", "scale", scale, `echo '{"state":"active","version":"v1","instances":2}'`, effect.CodeUnknown, "2 instances run, wanted are 3", effect.NotApplied},
		{"scaled, and nothing serves", "scale", scale, `echo '{"state":"released","version":"v1","instances":3}'`, effect.CodeUnknown, "3 instances run, and none serves", effect.NotApplied},
		{"scaled by what does not tell", "scale", scale, `[ $1 = status ] || : >ran; [ ! -e ran ] || exit 9; echo '{"state":"active","version":"v1"}'`, effect.CodeUnsupported, "how many instances run", ""},
		{"drained", "drain", drain, `[ $1 = nodes ] || exit 0; echo '{"nodes":[{"name":"n1","state":"cordoned","instances":0}]}'`, "", "", effect.Applied},
		{"not drained", "drain", drain, `[ $1 = nodes ] || exit 0; echo '{"nodes":[{"name":"n1","state":"cordoned","instances":2}]}'`, effect.CodeUnknown, "2 instances run on node n1", effect.NotApplied},
		{"drained by what does not tell", "drain", drain, `[ $1 = nodes ] || exit 9; echo '{"nodes":[{"name":"n1","state":"cordoned"}]}'`, effect.CodeUnsupported, "how many instances run on n1", effect.NotApplied},
		{"not cordoned", "cordon", drain, `[ $1 = nodes ] || exit 0; echo '{"nodes":[{"name":"n1","state":"open"}]}'`, effect.CodeUnknown, "node n1 is open", effect.NotApplied},
		{"no such node", "uncordon", drain, `[ $1 = nodes ] || exit 9; echo '{"nodes":[{"name":"n2","state":"open"}]}'`, effect.CodeNotFound, "there are n2", effect.NotApplied},
		{"nodes twice", "cordon", drain, `echo '{"nodes":[{"name":"n1","state":"open"},{"name":"n1","state":"open"}]}'`, effect.CodeFailed, "node n1 is there twice", ""},
		{"a job of a program that knows none", "job", job, `exit 64`, effect.CodeUnsupported, "does not know how to do this", ""},
		{"a job that fails", "job", job, `[ $1 = job ] || { echo '{"state":"failed"}'; exit; }; exit 3`, effect.CodeFailed, "exit code 3", effect.NotApplied},
		{"a job", "job", job, `[ $1 = job ] || echo '{"state":"done","id":"7"}'`, "", "", effect.Applied},
	} {
		b := running(t, c.program, nil)
		_, err := b.Invoke(t.Context(), request(t, c.op, c.args))
		if e := effect.AsError(err); (err == nil) != (c.invoked == "") || err != nil && says(e, c.invoked, c.says) != nil {
			t.Errorf("%s: %v, want %s %q", c.name, err, c.invoked, c.says)
		}
		got, err := b.Observe(t.Context(), request(t, c.op, c.args))
		if got.State != c.observed || (err != nil) != (c.observed == "") {
			t.Errorf("%s: observed %+v, %v", c.name, got, err)
		}
	}
}
