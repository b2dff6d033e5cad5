package haproxy

import (
	"context"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var (
	_ plugins.Backend   = (*Backend)(nil)
	_ plugins.Observer  = (*Backend)(nil)
	_ plugins.Previewer = (*Backend)(nil)
)

func TestHAProxy(t *testing.T) {
	p := startProxy(t, "")
	suite(t, system{socket: p.socket, pool: "web", front: p.front,
		setDown: func(_ *testing.T, server string, down bool) { p.down[server].Store(down) }})
}

func TestOverTCP(t *testing.T) {
	addr := plugintest.FreeAddress(t)
	p := startProxy(t, "global\n  stats socket "+addr+" level admin")
	b := p.backend(t, map[string]any{"socket": addr})
	if w := must(t, b, "split", map[string]any{"green": 40.0, "blue": 60.0}); w["green"] != 40.0 {
		t.Errorf("weights %v", w)
	}
}

func TestAliases(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, map[string]any{"servers": map[string]any{"canary": "green", "stable": "blue"}})
	if w := must(t, b, "split", map[string]any{"canary": 10.0, "stable": 90.0}); !maps.Equal(w, map[string]any{"canary": 10.0, "stable": 90.0}) {
		t.Errorf("weights %v", w)
	}
	_, err := invoke(t, b, "switch", map[string]any{"to": "blue"})
	plugintest.WantError(t, err, effect.CodeNotFound, "canary, stable")
	_, err = invoke(t, p.backend(t, map[string]any{"servers": map[string]any{"canary": "grey"}}), "weights", nil)
	plugintest.WantError(t, err, effect.CodeNotFound, "the server grey, which pool web does not have", "blue, green")
	_, err = invoke(t, p.backend(t, map[string]any{"servers": map[string]any{"blue": "green"}}), "weights", nil)
	plugintest.WantError(t, err, effect.CodeInvalid, "another server's own")
	if w := must(t, p.backend(t, map[string]any{"servers": map[string]any{"blue": "green", "green": "blue"}}), "weights", nil); w["green"] != 90.0 {
		t.Errorf("exchanged names give %v", w)
	}
}

func TestPoolWithBackup(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, map[string]any{"scale": 256.0})
	w := must(t, b, "split", map[string]any{"pool": "more", "blue": 99.5, "red": 0.5})
	if w["green"] != 0.0 || w["spare"] != 0.0 || w["red"].(float64) < 0.3 || w["red"].(float64) > 0.5 {
		t.Errorf("weights %v", w)
	}
	read, err := readPool(t.Context(), b.clients[0], "more", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if s := read.byReal("spare"); !s.backup || s.weight != 7 {
		t.Errorf("the backup is %+v", s)
	}
	_, err = invoke(t, b, "split", map[string]any{"pool": "more", "blue": 50.0, "spare": 50.0})
	plugintest.WantError(t, err, effect.CodeConflict, "is a backup")
	_, err = invoke(t, p.backend(t, nil), "split", map[string]any{"blue": 99.8, "green": 0.2})
	plugintest.WantError(t, err, effect.CodeInvalid, "cannot be given", "scale: 256")
}

func TestMaintenanceIsNotLiftedByDrain(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, nil)
	if _, _, err := b.clients[0].ask(t.Context(), "set server web/green state maint"); err != nil {
		t.Fatal(err)
	}
	if st := statusOf(t, b, "green"); st != "maint" {
		t.Fatalf("green is %s", st)
	}
	_, err := invoke(t, b, "drain", map[string]any{"server": "green"})
	plugintest.WantError(t, err, effect.CodeConflict, "in maintenance", "nothing changed")
	_, err = invoke(t, b, "switch", map[string]any{"to": "green"})
	plugintest.WantError(t, err, effect.CodeConflict, "sees it as maint", "traffic.ready")
	must(t, b, "ready", map[string]any{"server": "green"})
	plugintest.Until(t, "green is up", func() bool { return statusOf(t, b, "green") == "up" })
}

func TestInheritedMaintenance(t *testing.T) {
	p := startProxy(t, "backend tracking\n  server a 127.0.0.1:9 track web/green\n  server b 127.0.0.1:9")
	b := p.backend(t, nil)
	if _, _, err := b.clients[0].ask(t.Context(), "set server web/green state maint"); err != nil {
		t.Fatal(err)
	}
	_, err := invoke(t, b, "ready", map[string]any{"pool": "tracking", "server": "a"})
	plugintest.WantError(t, err, effect.CodeConflict, "the server that it tracks", "nothing changed")
}

func TestRefusals(t *testing.T) {
	p := startProxy(t, "")
	split := map[string]any{"green": 10.0, "blue": 90.0}
	operator := p.backend(t, map[string]any{"socket": filepath.Join(p.dir, "operator.sock")})
	_, err := invoke(t, operator, "split", split)
	plugintest.WantError(t, err, effect.CodeRefused, "Permission denied", "level admin", "nothing changed")
	plugintest.WantError(t, operator.Health(t.Context()), effect.CodeRefused, "has the level operator", "level admin")
	_, err = invoke(t, p.backend(t, map[string]any{"pool": "filled"}), "split", split)
	plugintest.WantError(t, err, effect.CodeRefused, "balance first", "balance roundrobin", "nothing changed")
	if _, err = invoke(t, p.backend(t, map[string]any{"pool": "filled"}), "switch", map[string]any{"to": "green"}); err != nil {
		t.Error(err)
	}
	_, err = invoke(t, p.backend(t, map[string]any{"pool": "fixed"}), "split", split)
	plugintest.WantError(t, err, effect.CodeRefused, "static LB algorithm", "balance roundrobin")
	for _, c := range []struct {
		socket string
		says   []string
	}{
		{filepath.Join(p.dir, "nothing.sock"), []string{"nothing.sock", "level admin"}},
		{plugintest.FreeAddress(t), []string{"refused"}},
	} {
		b := p.backend(t, map[string]any{"socket": c.socket})
		_, err = invoke(t, b, "split", split)
		plugintest.WantError(t, err, effect.CodeUnavailable, c.says...)
		plugintest.WantError(t, b.Health(t.Context()), effect.CodeUnavailable)
		o, err := b.Observe(t.Context(), request(t, "split", split))
		if o.State != effect.Uncertain {
			t.Errorf("observed %v", o)
		}
		plugintest.WantError(t, err, effect.CodeUnavailable)
	}
	_, err = p.backend(t, nil).Invoke(t.Context(), plugins.Request{Op: "explode", Progress: func(string) {}})
	plugintest.WantError(t, err, effect.CodeUnsupported, "explode")
	_, err = New().Invoke(t.Context(), plugins.Request{Op: "weights"})
	plugintest.WantError(t, err, effect.CodeInternal, "not configured")
}

// TestDeadSocket finds a socket that was left behind by a killed HAProxy.
func TestDeadSocket(t *testing.T) {
	p := startProxy(t, "")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
	_, err := invoke(t, p.backend(t, nil), "weights", nil)
	plugintest.WantError(t, err, effect.CodeUnavailable, "nobody listens")
}

// TestSilentHAProxy suspends HAProxy: its socket takes connections and
// commands, and answers when it goes on.
func TestSilentHAProxy(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, map[string]any{"timeout": "200ms"})
	req := request(t, "split", map[string]any{"green": 10.0, "blue": 90.0})
	p.suspend(t)
	_, err := b.Invoke(t.Context(), req) // the pool cannot be read: nothing was sent
	plugintest.WantError(t, err, effect.CodeTimeout, "no reply")
	before := &pool{name: "web", servers: []*server{{real: "blue", name: "blue", weight: 100, effective: 100, op: 2}, {real: "green", name: "green", op: 2}}}
	w, err := b.desiredFor(before, req)
	if err != nil {
		t.Fatal(err)
	}
	plugintest.WantError(t, b.send(t.Context(), b.clients[0], req, w.commands(before)), effect.CodeUnknown, "0 of 2 commands", "set weight web/green 10")
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	plugintest.Until(t, "HAProxy answers", func() bool { return b.Health(t.Context()) == nil })
	o, err := b.Observe(t.Context(), req)
	if err != nil || o.State != effect.NotApplied {
		t.Errorf("observed %v, %v: only one of two commands can have arrived", o, err)
	}
	if _, err := b.Invoke(t.Context(), req); err != nil { // as the engine does then
		t.Fatal(err)
	}
}

// TestConnectionLostOnTheWay has HAProxy's place taken by a listener that
// reads a command and hangs up.
func TestConnectionLostOnTheWay(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 100))
			_ = c.Close()
		}
	}()
	b := configured(t, map[string]any{"socket": l.Addr().String(), "pool": "web"})
	req := request(t, "switch", map[string]any{"to": "green"})
	plugintest.WantError(t, b.send(t.Context(), b.clients[0], req, []string{"set weight web/green 100"}), effect.CodeUnknown, "0 of 1 commands", "ended before the reply")
	_, err = b.Invoke(t.Context(), req)
	plugintest.WantError(t, err, effect.CodeUnavailable, "ended before the reply")
}

func TestCanceledCall(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, map[string]any{"timeout": "1h"})
	p.suspend(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := b.Invoke(ctx, request(t, "weights", nil))
	if effect.AsError(err).Code != effect.CodeTimeout || time.Since(began) > plugintest.Patience {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := b.Invoke(ctx, request(t, "switch", map[string]any{"to": "green"})); effect.AsError(err) == nil {
		t.Error("a canceled call succeeded")
	}
}

func TestConfiguration(t *testing.T) {
	if err := effect.Verify(New().Describe().Config); err != nil {
		t.Error(err)
	}
	good := func(more map[string]any) map[string]any {
		config := map[string]any{"socket": "/run/haproxy/admin.sock", "pool": "web", "timeout": 5.0, "scale": 100.0}
		maps.Copy(config, more)
		if more["sockets"] != nil && more["socket"] == nil || more["none"] != nil {
			delete(config, "socket")
		}
		return config
	}
	for _, c := range []struct {
		config map[string]any
		says   string
	}{
		{good(nil), ""},
		{good(map[string]any{"socket": "haproxy"}), "neither a path nor host:port"},
		{good(map[string]any{"none": true}), "socket: is required"},
		{good(map[string]any{"sockets": []any{"/run/a.sock", "127.0.0.1:9999"}}), ""},
		{good(map[string]any{"sockets": []any{"/run/a.sock"}, "socket": "/run/b.sock"}), "exclude each other"},
		{good(map[string]any{"sockets": []any{"/run/a.sock", "unix:/run/a.sock"}}), "stands there twice"},
		{good(map[string]any{"pool": "web; show info"}), "no name of an HAProxy backend"},
		{good(map[string]any{"servers": map[string]any{"a": "x y"}}), "servers.a"},
		{good(map[string]any{"servers": map[string]any{"a": "x", "b": "x"}}), "a and b both mean the server x"},
		{good(map[string]any{"servers": map[string]any{"pool": "x"}}), "cannot be called pool"},
	} {
		err := New().Configure(t.Context(), c.config)
		if (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v", c.config, err)
		}
	}
}
