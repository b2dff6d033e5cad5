package script

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/deploy"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// stops lets the shop's program stop for ever at a point: before anything is
// changed, when all is, or after its first cp, mv, ln or rm.
func (s *shop) stops(t *testing.T, point string) obj {
	t.Helper()
	stop := "echo >'" + s.dir + "/reached'; while :; do sleep 0.05; done\n"
	front := "#!/bin/sh\n"
	switch point {
	case "before":
		front += "[ $1 = status ] || { " + stop + "}\n"
	case "after":
		front += "'" + s.program + "' \"$@\" || exit\n[ $1 = status ] || { " + stop + "}\nexit\n"
	default:
		real, err := exec.LookPath(point)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(s.dir, point, point), "#!/bin/sh\n"+real+" \"$@\"\n"+stop)
	}
	c := s.config()
	c["program"] = put(t, filepath.Join(s.dir, "stops.sh"), front+"exec '"+s.program+"' \"$@\"\n")
	c["path"] = filepath.Join(s.dir, point) + ":" + os.Getenv("PATH")
	return c
}

// TestKilled kills the backend before, within and after the change of each op.
// What Observe says then is what is there, and a repetition ends with it.
func TestKilled(t *testing.T) {
	where := obj{"env": "green"}
	for _, c := range []struct {
		op     string
		args   obj
		point  string
		want   effect.Observed
		served string // in the end
	}{
		{"release", release(), "before", effect.NotApplied, "v1"},
		{"release", release(), "cp", effect.NotApplied, "v1"},
		{"release", release(), "mv", effect.NotApplied, "v1"},
		{"release", release(), "after", effect.Applied, "v1"},
		{"activate", where, "before", effect.NotApplied, "v3"},
		{"activate", where, "ln", effect.NotApplied, "v3"},
		{"activate", where, "mv", effect.Applied, "v3"},
		{"activate", where, "after", effect.Applied, "v3"},
		{"decommission", where, "before", effect.NotApplied, ""},
		{"decommission", where, "rm", effect.NotApplied, ""},
		{"decommission", where, "after", effect.Applied, ""},
	} {
		t.Run(c.op+" "+c.point, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			b := configured(t, s.config())
			must(t, b, "release", obj{"env": "green", "version": "v1"})
			must(t, b, "activate", where)
			must(t, b, "release", obj{"env": "green", "version": "v3"})

			req := request(t, c.op, c.args)
			req.Key = c.op + "-" + c.point
			defer plugintest.Killed(t, b.Describe().Name, shopProgram, 1)
			plugintest.Kill(t, b.Describe().Name, s.stops(t, c.point), req, func() {
				plugintest.Until(t, "the point", func() bool { _, err := os.Stat(filepath.Join(s.dir, "reached")); return err == nil })
			})

			got, err := b.Observe(t.Context(), req)
			if err != nil || got.State != c.want {
				t.Fatalf("observed %+v, %v, want %s", got, err, c.want)
			}
			if c.want == effect.NotApplied {
				req.Attempt = 2
				if _, err := b.Invoke(t.Context(), req); err != nil {
					t.Fatalf("again: %v", err)
				}
			}
			if got, err := b.Observe(t.Context(), req); err != nil || got.State != effect.Applied {
				t.Errorf("in the end: %+v, %v", got, err)
			}
			if got := s.served(t, "all", "green"); got != c.served {
				t.Errorf("served is %q, want %q", got, c.served)
			}
			left, err := filepath.Glob(filepath.Join(s.root, "all/green/releases/*"))
			if err != nil || c.op == "decommission" && len(left) > 0 || strings.Contains(strings.Join(left, " "), ".part") {
				t.Errorf("left are %v (%v)", left, err)
			}
		})
	}
}

// TestKilledAtMachines kills the backend before, within and after it changes a size,
// or machines.
func TestKilledAtMachines(t *testing.T) {
	s, config := newCluster(t)
	b := configured(t, config)
	must(t, b, "release", obj{"env": "green", "version": "v1"})
	must(t, b, "activate", obj{"env": "green"})
	nodes := filepath.Join(s.root, "nodes/all")
	runs := func() int { // on n1
		paths, err := filepath.Glob(filepath.Join(nodes, "n1", "[^.]*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(paths)
	}
	cordoned := func() bool { _, err := os.Stat(filepath.Join(nodes, "n1", ".cordoned")); return err == nil }
	size := func() string {
		text, _ := os.ReadFile(filepath.Join(s.root, "all/green/instances"))
		return strings.TrimSpace(string(text))
	}
	for _, c := range []struct {
		op     string
		args   obj
		before []string
		there  func() bool
	}{
		{"scale", obj{"env": "green", "instances": 4}, nil, func() bool { return size() == "4" }},
		{"cordon", obj{"node": "n1"}, []string{"uncordon"}, cordoned},
		{"uncordon", obj{"node": "n1"}, []string{"cordon"}, func() bool { return !cordoned() }},
		{"drain", obj{"node": "n1"}, []string{"cordon"}, func() bool { return cordoned() && runs() == 0 }},
	} {
		t.Run(c.op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: config, Module: deploy.Module(), Op: c.op, Moments: 2, System: shopProgram, Next: func(t *testing.T) plugintest.Round {
				for _, op := range c.before {
					must(t, b, op, obj{"node": "n1"})
				}
				if c.op == "scale" {
					must(t, b, "scale", obj{"env": "green", "instances": 1})
				} else {
					put(t, filepath.Join(nodes, "n1", "web"), "") // somebody starts one there
				}
				return plugintest.Round{Args: c.args, There: c.there}
			}}.Run(t)
		})
	}
}
