package haproxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/traffictest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// kill ends HAProxy as a crash does. Its socket stays, and nobody listens there.
func (p *proxy) kill() {
	p.turn.Lock()
	defer p.turn.Unlock()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// again starts HAProxy after a kill, with the same configuration.
func (p *proxy) again(t *testing.T, b *Backend) {
	t.Helper()
	p.turn.Lock()
	p.cmd = osexec.Command(p.cmd.Path, "-db", "-f", filepath.Join(p.dir, "haproxy.cfg"))
	err := p.cmd.Start()
	p.turn.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	plugintest.Until(t, "HAProxy serves again", func() bool { return b.Health(t.Context()) == nil })
}

// ask gives HAProxy a command past the backend.
func (p *proxy) ask(t *testing.T, command string) string {
	t.Helper()
	c, err := net.Dial("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprintln(c, command); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// weight is a server's, as HAProxy has it.
func (p *proxy) weight(t *testing.T, server string) string {
	t.Helper()
	now, _, _ := strings.Cut(p.ask(t, "get weight web/"+server), " ")
	return now
}

// drained reports whether HAProxy gives a server no new connections.
func (p *proxy) drained(t *testing.T, server string) bool {
	t.Helper()
	for line := range strings.Lines(p.ask(t, "show stat")) {
		if strings.HasPrefix(line, "web,"+server+",") {
			return strings.Contains(line, ",DRAIN")
		}
	}
	t.Fatalf("HAProxy has no server web/%s", server)
	return false
}

// deadly passes commands on to HAProxy, and kills it at one of them.
type deadly struct {
	*proxy
	socket string
	at     int64  // the command at which HAProxy is killed, from 1 on
	when   string // "before" it has it, before it is "answered", or "after" that
	asked  atomic.Int64
	writes atomic.Int64 // commands that HAProxy had, of those that change weights
}

func (p *proxy) deadly(t *testing.T, at int, when string) *deadly {
	t.Helper()
	d := &deadly{proxy: p, socket: filepath.Join(p.dir, fmt.Sprintf("deadly%d%s.sock", at, when)), at: int64(at), when: when}
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.pass(c) // the backend sends one at a time
		}
	}()
	return d
}

func (d *deadly) pass(c net.Conn) {
	defer c.Close()
	dies := d.asked.Add(1) == d.at
	if dies && d.when == "before" {
		d.kill()
		return
	}
	command, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return
	}
	to, err := net.Dial("unix", d.proxy.socket)
	if err != nil {
		return
	}
	defer to.Close()
	if _, err := io.WriteString(to, command); err != nil {
		return
	}
	answer, err := io.ReadAll(to)
	if strings.HasPrefix(command, "set weight") {
		d.writes.Add(1)
	}
	if dies {
		d.kill()
	}
	if err == nil && (!dies || d.when == "after") {
		_, _ = c.Write(answer)
	}
}

// TestKilledWhileItIsWritten: HAProxy is killed before, at and after each command of a
// split. Nothing that it had outlives it: while it is gone nobody knows, and what
// serves in its place is observed as it is, whatever was confirmed before.
func TestKilledWhileItIsWritten(t *testing.T) {
	p := startProxy(t, "")
	direct := p.backend(t, nil)
	split := map[string]any{"green": 40.0, "blue": 60.0}
	cases, whole := 0, 0
	for at := 1; whole == 0; at++ {
		for _, when := range []string{"before", "answered", "after"} {
			cases++
			what := fmt.Sprintf("killed %s command %d", when, at)
			d := p.deadly(t, at, when)
			_, err := p.backend(t, map[string]any{"socket": d.socket}).Invoke(t.Context(), request(t, "split", split))
			switch code := effect.AsError(err); {
			case err == nil:
				whole++ // it was killed after the last command, or not at all
			case code.Code == effect.CodeUnavailable && d.writes.Load() > 0, code.Code != effect.CodeUnavailable && code.Code != effect.CodeUnknown:
				t.Errorf("%s: %v, and HAProxy had %d commands", what, err, d.writes.Load())
			}
			p.kill()
			if o, err := direct.Observe(t.Context(), request(t, "split", split)); err == nil || o.State != effect.Uncertain {
				t.Errorf("%s: while it is gone %v, %v", what, o.State, err)
			}
			p.again(t, direct)
			o, err := direct.Observe(t.Context(), request(t, "split", split))
			if blue, green := p.weight(t, "blue"), p.weight(t, "green"); err != nil || o.State != effect.NotApplied || blue != "100" || green != "0" {
				t.Errorf("%s: observed %v, %v; it has blue %s, green %s", what, o.State, err, blue, green)
			}
		}
	}
	if cases < 12 {
		t.Errorf("HAProxy was killed at %d moments only", cases)
	}
	must(t, direct, "split", split)
	if o, err := direct.Observe(t.Context(), request(t, "split", split)); err != nil || o.State != effect.Applied || p.weight(t, "green") != "40" {
		t.Errorf("sent again: %v, %v; green has %s", o.State, err, p.weight(t, "green"))
	}
}

// TestKillIsNoticed: a gate breaks where HAProxy was killed and started again behind a
// split, as where it was reloaded; one that only looks while it is gone cannot tell.
func TestKillIsNoticed(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, nil)
	s := &traffictest.Stand{Backend: b, Window: func(n int) {
		if n == 2 {
			p.kill()
			p.again(t, b)
		}
	}}
	const watch = `t.split { green = 40, blue = 60 } h.watch { env = "green", during = "2m", slo = { error_rate = "< 1%" } } `
	err := s.Play(t, watch)
	if want := "green broke its gate: traffic is not what this run set at main.lua:1: the configured pool: set were blue 60%, green 40%; now blue 100%, green 0%"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
	s.Window = func(int) { p.kill() }
	if err := s.Play(t, watch); err == nil || !strings.Contains(err.Error(), p.socket) {
		t.Errorf("while it is gone: %v", err)
	}
	if _, err := os.Stat(p.socket); err != nil {
		t.Errorf("the socket of a HAProxy that was killed: %v", err)
	}
}
