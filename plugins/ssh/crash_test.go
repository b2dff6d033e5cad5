package ssh

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after what it does on two hosts, and
// looks at them past it: each has done it, once.
func TestKilled(t *testing.T) {
	l := startLab(t, "a", "b")
	l.unit(t, "nginx.service", "active")
	b, n, moments := l.backend(t, nil), 0, 3
	if testing.Short() {
		moments = 1
	}
	all := func(of func(h string) string) string { // what it is on both
		one := of("a")
		if other := of("b"); other != one {
			return one + " and " + other
		}
		return one
	}
	large := strings.Repeat("listen 80\n", 200_000)
	write(t, filepath.Join(l.Dir, "large"), large, 0o600)
	for op, next := range map[string]func(t *testing.T) plugintest.Round{
		"run": func(t *testing.T) plugintest.Round {
			out := filepath.Join(l.Dir, fmt.Sprint("out", n))
			args := sh("all", `p=`+out+`-${SSH_CONNECTION##* }; echo x >>$p; sleep 0.1; echo y >>$p`, nil)
			return plugintest.Round{Args: args, There: func() bool {
				return all(func(h string) string { text, _ := os.ReadFile(out + "-" + portOf(l, h)); return string(text) }) == "x\ny\n"
			}}
		},
		"copy": func(t *testing.T) plugintest.Round {
			to := filepath.Join(l.Dir, fmt.Sprint("to", n))
			if err := os.Mkdir(to, 0o755); err != nil {
				t.Fatal(err)
			}
			args := obj{"on": []any{"a"}, "from": "large", "to": to + "/app.conf"} // both hosts have one disk
			return plugintest.Round{Args: args, There: func() bool {
				text, _ := os.ReadFile(to + "/app.conf")
				if len(text) > 0 && string(text) != large {
					t.Fatalf("%d bytes are in its place", len(text))
				}
				return len(text) > 0
			}, After: func() {
				plugintest.Until(t, "nothing else is left in "+to, func() bool { left, err := os.ReadDir(to); return err == nil && len(left) == 1 })
			}}
		},
		"service": func(t *testing.T) plugintest.Round {
			restarts := func() string {
				return all(func(h string) string {
					text, _ := os.ReadFile(filepath.Join(l.Hosts[h].Dir, "units", "log"))
					return fmt.Sprint(strings.Count(string(text), "restart nginx.service"))
				})
			}
			var before int
			if _, err := fmt.Sscan(restarts(), &before); err != nil {
				t.Fatal(err)
			}
			return plugintest.Round{Args: obj{"on": []any{"all"}, "name": "nginx", "action": "restart"}, There: func() bool { return restarts() == fmt.Sprint(before+1) }}
		},
	} {
		t.Run(op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: l.config(nil), Module: contract.Module(), Op: op, Moments: moments, System: testedOn(t), Next: func(t *testing.T) plugintest.Round {
				n++
				return next(t)
			}}.Run(t)
		})
	}
}
