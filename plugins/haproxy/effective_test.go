package haproxy

import (
	"fmt"
	"math"
	"net"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// serverOf returns what traffic.servers says of one server.
func serverOf(t *testing.T, b *Backend, pool, name string) map[string]any {
	t.Helper()
	v, err := invoke(t, b, "servers", map[string]any{"pool": pool})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range v["servers"].([]any) {
		if s := s.(map[string]any); s["name"] == name {
			return s
		}
	}
	t.Fatalf("no server %s in %v", name, v)
	return nil
}

// TestSlowStart: what is returned is what the server takes, beside what it
// will; a split that HAProxy took is verified all the same.
func TestSlowStart(t *testing.T) {
	p := startProxy(t, "backend slow\n  default-server slowstart 1h\n  server a 127.0.0.1:9 weight 50\n  server b 127.0.0.1:9 weight 50")
	b := p.backend(t, nil)
	if _, _, err := b.clients[0].ask(t.Context(), "set server slow/b state maint"); err != nil {
		t.Fatal(err)
	}
	v, err := invoke(t, b, "weights", map[string]any{"pool": "slow"})
	if err != nil || fmt.Sprint(v) != "map[configured:map[a:100 b:0] weights:map[a:100 b:0]]" {
		t.Errorf("%v, %v", v, err)
	}
	must(t, b, "ready", map[string]any{"pool": "slow", "server": "b"})
	var said []string
	req := request(t, "split", map[string]any{"pool": "slow", "a": 40.0, "b": 60.0})
	req.Progress = func(line string) { said = append(said, line) }
	got, err := b.Invoke(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	w := got.(map[string]any)["weights"].(map[string]any)
	if fmt.Sprint(got.(map[string]any)["configured"]) != "map[a:40 b:60]" || w["b"].(float64) > 10 || w["b"].(float64) <= 0 ||
		math.Abs(w["a"].(float64)+w["b"].(float64)-100) > 1e-9 {
		t.Errorf("split returned %v", got)
	}
	if !strings.Contains(strings.Join(said, "\n"), "b is in slow start: it takes ") || !strings.Contains(strings.Join(said, "\n"), "and 60% when it is through") {
		t.Errorf("said %q", said)
	}
	if s := serverOf(t, b, "slow", "b"); s["configured"] != 60.0 || s["weight"].(float64) > 10 || !strings.HasPrefix(s["note"].(string), "slow start: weight ") {
		t.Errorf("b is %v", s)
	}
	if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.Applied {
		t.Errorf("observed %v, %v", o, err)
	}
}

// TestAgentCheck: an agent that sends a percentage overwrites what was set.
func TestAgentCheck(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	says := make(chan string, 1)
	says <- "up 100%\n"
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			text := <-says
			says <- text
			_, _ = conn.Write([]byte(text))
			_ = conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p := startProxy(t, "backend told\n  server a 127.0.0.1:9 weight 50\n  server b 127.0.0.1:9 weight 50 agent-check agent-addr 127.0.0.1 agent-port "+port+" agent-inter 20ms")
	b := p.backend(t, nil)
	shares := func() string {
		t.Helper()
		v, err := invoke(t, b, "weights", map[string]any{"pool": "told"})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(v["weights"], v["configured"])
	}
	if got := shares(); got != "map[a:50 b:50] map[a:50 b:50]" {
		t.Errorf("at first %s", got)
	}
	<-says
	says <- "50%\n"
	plugintest.Until(t, "the agent's word counts", func() bool { return shares() != "map[a:50 b:50] map[a:50 b:50]" })
	s := serverOf(t, b, "told", "b")
	if c := s["configured"].(float64); math.Abs(c-100.0/3) > 1e-9 || !strings.Contains(fmt.Sprint(s["note"]), "weight 25, 50 in the configuration file") {
		t.Errorf("b is %v", s)
	}
}

// TestSeveralProcesses: all are set and all are verified; where one does not
// follow, the error says which one and which ones did.
func TestSeveralProcesses(t *testing.T) {
	first, second := startProxy(t, ""), startProxy(t, "")
	b := configured(t, map[string]any{"sockets": []any{first.socket, second.socket}, "pool": "web"})
	split := request(t, "split", map[string]any{"green": 30.0, "blue": 70.0})
	if w := must(t, b, "split", map[string]any{"green": 30.0, "blue": 70.0}); w["green"] != 30.0 {
		t.Errorf("weights %v", w)
	}
	for _, p := range []*proxy{first, second} {
		if w := must(t, p.backend(t, nil), "weights", nil); w["green"] != 30.0 {
			t.Errorf("%s: %v", p.socket, w)
		}
	}

	// One of them loses its weights.
	must(t, second.backend(t, nil), "switch", map[string]any{"to": "blue"})
	v, err := invoke(t, b, "weights", nil)
	if err != nil || fmt.Sprint(v["configured"]) != "map[blue:85 green:15]" || !strings.Contains(fmt.Sprint(v["drift"]), "green has weight 30 at "+first.socket+" and 0 at "+second.socket) {
		t.Errorf("%v, %v", v, err)
	}
	if v, err = invoke(t, b, "servers", nil); err != nil || v["drift"] == nil {
		t.Errorf("%v, %v", v, err)
	}
	if o, err := b.Observe(t.Context(), split); err != nil || o.State != effect.NotApplied {
		t.Errorf("observed %v, %v", o, err)
	}
	if w := must(t, b, "split", map[string]any{"green": 30.0, "blue": 70.0}); w["green"] != 30.0 {
		t.Errorf("weights %v", w)
	}

	// A server is down at one of them only: nothing is sent to the other.
	second.down["green"].Store(true)
	plugintest.Until(t, "green is down at the second", func() bool { return statusOf(t, second.backend(t, nil), "green") == "down" })
	if s := serverOf(t, b, "web", "green"); s["status"] != "down" || !strings.Contains(fmt.Sprint(s["note"]), "up at "+first.socket+", down at "+second.socket) {
		t.Errorf("green is %v", s)
	}
	_, err = invoke(t, b, "switch", map[string]any{"to": "green"})
	plugintest.WantError(t, err, "conflict", second.socket, "as down", "nothing changed")
	if w := must(t, first.backend(t, nil), "weights", nil); w["green"] != 30.0 {
		t.Errorf("the first was changed: %v", w)
	}
	second.down["green"].Store(false)
	plugintest.Until(t, "green is up at the second", func() bool { return statusOf(t, second.backend(t, nil), "green") == "up" })

	// One that goes away between two commands leaves an unknown outcome.
	gone := false
	split.Args["green"], split.Args["blue"] = 60.0, 40.0
	split.Progress = func(string) {
		if !gone {
			gone = true
			if err := second.cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = second.cmd.Wait()
		}
	}
	_, err = b.Invoke(t.Context(), split)
	plugintest.WantError(t, err, "unknown", second.socket, "it was applied at "+first.socket+" before")
	o, err := b.Observe(t.Context(), split)
	if o.State != effect.Uncertain {
		t.Errorf("observed %v", o)
	}
	plugintest.WantError(t, err, "unavailable", second.socket)
	_, err = invoke(t, b, "weights", nil)
	plugintest.WantError(t, err, "unavailable", second.socket)
}
