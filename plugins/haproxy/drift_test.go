package haproxy

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/plugins/internal/traffictest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// reload starts another HAProxy in the place of the running one, with the same
// configuration.
func (p *proxy) reload(t *testing.T) {
	t.Helper()
	next := osexec.Command(p.cmd.Path, "-db", "-f", filepath.Join(p.dir, "haproxy.cfg"), "-sf", fmt.Sprint(p.cmd.Process.Pid))
	log, err := os.Create(filepath.Join(p.dir, "reload.log"))
	if err != nil {
		t.Error(err)
		return
	}
	defer log.Close()
	next.Stdout, next.Stderr = log, log
	if err := next.Start(); err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() {
		_ = next.Process.Kill()
		_ = next.Wait()
	})
	if err := p.cmd.Wait(); err != nil { // the old one ends once the new one serves
		t.Logf("the old process: %v", err)
	}
	p.cmd = next
}

// TestReloadIsNoticed: a reload without a server-state-file forgets what was
// set; the next gate breaks, and the next read says so.
func TestReloadIsNoticed(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, nil)
	s := &traffictest.Stand{Backend: b, Window: func(int) {}}
	const watch = `h.watch { env = "green", during = "2m", slo = { error_rate = "< 1%" } } `
	if err := s.Play(t, `t.split { green = 40, blue = 60 } `+watch+` t.drain { server = "green" } `+watch+` t.ready { server = "green" } `+watch+` t.switch { to = "green" } `+watch); err != nil {
		t.Fatalf("without a reload: %v", err)
	}
	s.Windows = 0
	s.Window = func(n int) {
		if n == 2 {
			p.reload(t)
		}
	}
	err := s.Play(t, `t.switch { to = "green" } `+watch)
	if want := "green broke its gate: traffic is not what this run set at main.lua:1: the configured pool: set were blue 0%, green 100%; now blue 100%, green 0%"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
	if s.Windows != 2 {
		t.Errorf("%d windows were measured", s.Windows)
	}
	if w := must(t, b, "weights", nil); w["blue"] != 100.0 {
		t.Fatalf("the reload kept the weights: %v", w)
	}
	// The rollback sets what the proxy has by now: that is no drift.
	s.Window = func(int) {}
	if err := s.Play(t, `t.switch { to = "blue" } `+watch+` print(t.weights {}.drift)`); err != nil || s.Logged[len(s.Logged)-1] != "nil" {
		t.Errorf("%v, %q", err, s.Logged)
	}
	s.Window = func(int) { p.reload(t) }
	err = s.Play(t, `t.split { green = 10, blue = 90 } h.measure { env = "green" } fail(t.servers {}.drift)`)
	if want := "set were blue 90%, green 10%; now blue 100%, green 0%"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

// TestServersComeBackInAnyOrder: a run that takes servers out and lets them in
// again finds what it set, whichever comes back first.
func TestServersComeBackInAnyOrder(t *testing.T) {
	p := startProxy(t, "backend wide\n  server a 127.0.0.1:9 weight 25\n  server b 127.0.0.1:9 weight 50\n  server c 127.0.0.1:9 weight 25\n  server d 127.0.0.1:9 weight 100\n  server e 127.0.0.1:9 weight 70 disabled")
	b := p.backend(t, map[string]any{"pool": "wide"})
	const watch = `h.watch { env = "x", during = "1m", slo = { error_rate = "< 1%" } } `
	for _, order := range []string{"bc", "cb"} {
		text := `t.drain { server = "b" } t.drain { server = "c" } ` + watch
		for _, server := range order {
			text += fmt.Sprintf("t.ready { server = %q } ", string(server)) + watch
		}
		s := &traffictest.Stand{Backend: b, Window: func(int) {}}
		if err := s.Play(t, text); err != nil || len(s.Logged) > 0 {
			t.Errorf("%s: %v, %q", order, err, s.Logged)
		}
	}
	// One that was out before the run.
	s := &traffictest.Stand{Backend: b, Window: func(int) {}}
	if err := s.Play(t, `t.drain { server = "b" } t.ready { server = "e" } `+watch+` t.ready { server = "b" } `+watch); err != nil || len(s.Logged) > 0 {
		t.Errorf("out before: %v, %q", err, s.Logged)
	}
	// Somebody else's weight is still told.
	s.Window = func(int) {
		if _, _, err := b.clients[0].ask(t.Context(), "set server wide/a weight 200"); err != nil {
			t.Error(err)
		}
	}
	if err := s.Play(t, `t.drain { server = "b" } t.drain { server = "c" } t.ready { server = "b" } `+watch+watch); err == nil || !strings.Contains(err.Error(), "is not what this run set") {
		t.Errorf("another weight: %v", err)
	}
}

// TestStateFileKeepsWeights: with a server-state-file a reload changes nothing
// that a gate could see.
func TestStateFileKeepsWeights(t *testing.T) {
	p := startProxy(t, "global\n  server-state-file STATE\ndefaults kept\n  load-server-state-from-file global\n  mode http\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\nbackend kept from kept\n  server blue 127.0.0.1:9 weight 100\n  server green 127.0.0.1:9 weight 0")
	s := &traffictest.Stand{Backend: p.backend(t, map[string]any{"pool": "kept"}), Window: func(n int) {
		if n == 1 {
			state, _, err := p.backend(t, nil).clients[0].ask(t.Context(), "show servers state")
			if err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(filepath.Join(p.dir, "state"), []byte(state+"\n"), 0o600); err != nil {
				t.Error(err)
			}
			p.reload(t)
		}
	}}
	if err := s.Play(t, `t.switch { to = "green" } h.watch { env = "green", during = "2m", slo = { error_rate = "< 1%" } }`); err != nil {
		t.Error(err)
	}
}

// TestGateWaitsForSlowStart: the windows in which a server takes less than its
// share do not count; what is set stays verified.
func TestGateWaitsForSlowStart(t *testing.T) {
	p := startProxy(t, "backend slow\n  default-server slowstart 2s\n  server blue 127.0.0.1:9 weight 50\n  server green 127.0.0.1:9 weight 50")
	b := p.backend(t, map[string]any{"pool": "slow"})
	if _, _, err := b.clients[0].ask(t.Context(), "set server slow/green state maint"); err != nil {
		t.Fatal(err)
	}
	var first, last string // what green takes, in the first window and at the end
	s := &traffictest.Stand{Backend: b}
	s.Window = func(n int) {
		if n == 1 {
			first = fmt.Sprint(serverOf(t, b, "slow", "green")["note"])
		}
		time.Sleep(200 * time.Millisecond)
		last = fmt.Sprint(serverOf(t, b, "slow", "green")["note"])
	}
	if err := s.Play(t, `t.ready { server = "green" } t.split { blue = 50, green = 50 } h.watch { env = "green", during = "1m", slo = { error_rate = "< 1%" } }`); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(first, "slow start: ") || last != "<nil>" || s.Windows < 4 {
		t.Errorf("at first %q, at last %q, %d windows", first, last, s.Windows)
	}
	if all := strings.Join(s.Logged, "|"); !strings.Contains(all, "set were 50% (slow start: weight ") || !strings.HasSuffix(all, "traffic is divided as this run set it") {
		t.Errorf("said %q", s.Logged)
	}
	// A server that is down for longer than the watch has patience.
	p.down["green"].Store(true)
	t.Cleanup(func() { p.down["green"].Store(false) })
	pool := p.backend(t, nil)
	web := &traffictest.Stand{Backend: pool, Window: func(int) {}}
	down := func() bool { return statusOf(t, pool, "green") == "down" }
	must(t, pool, "ready", map[string]any{"server": "green"})
	p.down["green"].Store(false)
	plugintest.Until(t, "green is up", func() bool { return !down() })
	web.Window = func(n int) {
		if n == 1 {
			p.down["green"].Store(true)
			plugintest.Until(t, "green is down", down)
		}
	}
	err := web.Play(t, `t.split { blue = 50, green = 50 } h.watch { env = "green", during = "1m", settle = "3m", slo = { error_rate = "< 1%" } }`)
	if want := "green takes 0%, set were 50% (down), for 3m"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

// TestOneOfSeveralIsReloaded: where only one process forgets, requests are
// divided in two ways, and the gate says where.
func TestOneOfSeveralIsReloaded(t *testing.T) {
	first, second := startProxy(t, ""), startProxy(t, "")
	s := &traffictest.Stand{Backend: configured(t, map[string]any{"sockets": []any{first.socket, second.socket}, "pool": "web"})}
	s.Window = func(n int) {
		if n == 2 {
			second.reload(t)
		}
	}
	err := s.Play(t, `t.switch { to = "green" } h.watch { env = "green", during = "2m", slo = { error_rate = "< 1%" } }`)
	for _, want := range []string{"set were blue 0%, green 100%; now blue 50%, green 50%", "green has weight 100 at " + first.socket + " and 0 at " + second.socket} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
