package ssh

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func service(on, action string, more obj) obj {
	args := obj{"on": []any{on}, "name": "nginx", "action": action}
	for k, v := range more {
		args[k] = v
	}
	return args
}

func TestService(t *testing.T) {
	l := startLab(t, "web-1", "web-2")
	l.unit(t, "nginx.service", "active")
	b := l.backend(t, nil)
	v := must(t, b, "service", service("web", "status", nil))["web-1"].(obj)
	if v["state"] != "active" || v["sub"] != "running" || v["since"] != 1769860800.0 || v["pid"] != 4711.0 || v["changed"] != nil {
		t.Errorf("status %v", v)
	}
	for _, c := range []struct {
		action  string
		changed bool
		state   string
	}{{"start", false, "active"}, {"restart", true, "active"}, {"reload", true, "active"}, {"stop", true, "inactive"}, {"stop", false, "inactive"}, {"start", true, "active"}} {
		if v := must(t, b, "service", service("web-1", c.action, nil))["web-1"].(obj); v["changed"] != c.changed || v["state"] != c.state {
			t.Errorf("%s: %v", c.action, v)
		}
	}
	if log := l.log(t, "web-1"); log != "restart nginx.service\nreload nginx.service\nstop nginx.service\nstart nginx.service\n" {
		t.Errorf("done was %q", log)
	}
	write(t, l.unitFile("web-1")+".broken", "", 0o600)
	_, e := invoke(t, b, "service", service("web-1", "reload", nil))
	fails(t, e, effect.CodeFailed, "web-1 (", "Job for nginx.service failed")
	if v := must(t, b, "service", service("web-1", "status", nil))["web-1"].(obj); v["state"] != "active" {
		t.Errorf("a reload that was refused leaves %v", v)
	}
	must(t, b, "service", service("web-1", "stop", nil))
	_, e = invoke(t, b, "service", service("web-1", "reload", nil))
	fails(t, e, effect.CodeFailed, "web-1 (", "nginx.service is not active, cannot reload")
	must(t, b, "service", service("web-1", "start", nil))
	_, e = invoke(t, b, "service", obj{"on": []any{"web"}, "name": "postgres", "action": "restart"})
	fails(t, e, effect.CodeNotFound, "web-1", "there is no unit postgres.service", "nothing was changed")
	_, e = invoke(t, b, "service", obj{"on": []any{"web"}, "name": "postgres", "action": "status"})
	fails(t, e, effect.CodeNotFound, "web-1", "there is no unit postgres.service")
	write(t, l.unitFile("web-1")+".broken", "", 0o600)
	_, e = invoke(t, b, "service", service("web", "restart", nil))
	fails(t, e, effect.CodeFailed, "web-1 (", "Job for nginx.service failed", "not begun on web-2")
	if log := l.log(t, "web-2"); log != "" {
		t.Errorf("the rolling restart went on after a failure: %q", log)
	}
}

func (l *lab) unitFile(host string) string {
	return filepath.Join(l.Hosts[host].Dir, "units", "nginx.service")
}

func (l *lab) log(t *testing.T, host string) string {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(l.unitFile(host)), "log"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(data)
}

// TestRestartIsObserved: a restart whose script was killed is known by the
// service's invocation; a reload is done once more.
func TestRestartIsObserved(t *testing.T) {
	for name, c := range map[string]struct {
		action string
		unit   string // how it is found afterwards
		want   effect.Observed
	}{
		"as it was":             {"restart", "ActiveState=active\nSubState=running\nInvocationID=0123\n", effect.NotApplied},
		"started anew":          {"restart", "ActiveState=active\nSubState=running\nInvocationID=4567\n", effect.Applied},
		"down":                  {"restart", "ActiveState=failed\nSubState=failed\nInvocationID=4567\n", effect.Uncertain},
		"still at work":         {"restart", "ActiveState=deactivating\nSubState=stop-sigterm\nInvocationID=0123\n", effect.Uncertain},
		"reloaded, or not":      {"reload", "ActiveState=active\nSubState=running\nInvocationID=0123\n", effect.NotApplied},
		"down after the reload": {"reload", "ActiveState=failed\nSubState=failed\nInvocationID=0123\n", effect.Uncertain},
	} {
		t.Run(name, func(t *testing.T) {
			l := startLab(t, "a")
			l.unit(t, "nginx.service", "active")
			b := l.backend(t, nil)
			write(t, l.unitFile("a")+".slow", "", 0o600)
			req := newRequest(t, "service", "k", 1, service("a", c.action, nil))
			done := make(chan *effect.Error, 1)
			go func() {
				_, err := b.Invoke(t.Context(), req)
				done <- effect.AsError(err)
			}()
			link := filepath.Join(l.Hosts["a"].Dir, "state", remote.RecordName("k"), "1")
			plugintest.Until(t, "the restart's begin", func() bool {
				if !exists(link) {
					return false
				}
				for _, pid := range childrenOf(strings.Split(readLink(t, link), ":")[2]) {
					if strings.Contains(cmdline(pid), "bin/systemctl") {
						return true
					}
				}
				return false
			})
			l.Hosts["a"].Cut()
			fails(t, <-done, effect.CodeUnknown, "the connection broke")
			killScript(t, strings.Split(readLink(t, link), ":")[2])
			write(t, l.unitFile("a"), c.unit+"ActiveEnterTimestamp=\n", 0o644)
			if err := os.Remove(l.unitFile("a") + ".slow"); err != nil {
				t.Fatal(err)
			}
			o, err := b.Observe(t.Context(), req)
			if o.State != c.want || (err != nil) != (c.want == effect.Uncertain) {
				t.Fatalf("observed %v, %v", o, err)
			}
			if c.want == effect.NotApplied {
				again(t, l, b, req, c.action)
			}
		})
	}
}

// again sends what was not applied once more.
func again(t *testing.T, l *lab, b *Backend, req plugins.Request, action string) {
	t.Helper()
	req.Attempt = 2
	if _, err := b.Invoke(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if log := l.log(t, "a"); log != action+" nginx.service\n" {
		t.Errorf("done was %q", log)
	}
	o, err := b.Observe(t.Context(), req)
	if err != nil || o.State != effect.Applied {
		t.Errorf("observed %v, %v", o, err)
	}
}
