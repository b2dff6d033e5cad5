package rfc2136

import (
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

type obj = map[string]any

var secret = base64.StdEncoding.EncodeToString([]byte("thirty-two bytes of a shared key"))

// zone is what the primary begins with.
const zone = `$TTL 300
@ IN SOA ns1.example.org. hostmaster.example.org. 1 60 30 600 120
@ IN NS ns1.example.org.
@ IN NS ns2.example.org.
ns1 IN A 127.0.0.1
ns2 IN A 127.0.0.1
www 60 IN A 192.0.2.1
www 60 IN A 192.0.2.2
alias IN CNAME www.example.org.
text IN TXT "v=spf1 -all" "second \"part\""
child IN NS ns.elsewhere.example.
`

// server is one that runs.
type server struct {
	addr string
	cmd  *exec.Cmd
	log  string

	ended  chan struct{} // closed
	system plugintest.System
}

// startBind runs Debian's BIND on loopback with a configuration of its own.
// statements are added to it.
func startBind(t *testing.T, statements string) *server {
	t.Helper()
	return startBindAt(t, plugintest.FreeAddress(t), statements)
}

func startBindAt(t *testing.T, addr, statements string) *server {
	t.Helper()
	bin := recordsettest.Program(t, "named", "bind9")
	dir, err := os.MkdirTemp("", "rb-bind")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &server{addr: addr, log: filepath.Join(dir, "log")}
	host, port, _ := net.SplitHostPort(b.addr)
	for name, text := range map[string]string{
		"example.org.zone": zone,
		"named.conf": fmt.Sprintf(`options {
  directory %q; pid-file none; session-keyfile none; managed-keys-directory %q;
  listen-on port %s { %s; }; listen-on-v6 { none; };
  dnssec-validation no; notify explicit; allow-transfer { any; }; allow-query { any; };
};
controls {};
key "runbook." { algorithm hmac-sha256; secret %q; };
key "reader." { algorithm hmac-sha256; secret %q; };
%s
`, dir, dir, port, host, secret, secret, statements),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.system = plugintest.Program(t, "BIND", bin, "-v")
	b.run(t, exec.Command(bin, "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf")))
	return b
}

// run starts the program and waits until it listens.
func (b *server) run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.Create(b.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	b.cmd = cmd
	b.cmd.Stdout, b.cmd.Stderr = log, log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.ended = make(chan struct{})
	go func() {
		_ = b.cmd.Wait()
		close(b.ended)
	}()
	t.Cleanup(b.stop)
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(b.log)
			t.Logf("%s at %s:\n%s", b.system.Name, b.addr, text)
		}
	})
	for deadline := time.Now().Add(plugintest.Patience); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", b.addr); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-b.ended:
			t.Fatalf("%s has ended", b.system.Name)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen at %s", b.system.Name, b.addr)
		}
	}
}

func (b *server) stop() {
	_ = b.cmd.Process.Kill()
	<-b.ended
}

// startPrimary runs the primary of example.org; notify are the addresses of
// its secondaries.
func startPrimary(t *testing.T, notify ...string) *server {
	t.Helper()
	also := ""
	for _, a := range notify {
		host, port, _ := net.SplitHostPort(a)
		also += fmt.Sprintf("%s port %s; ", host, port)
	}
	return startBind(t, fmt.Sprintf(`zone "example.org" { type primary; file "example.org.zone"; also-notify { %s };
  update-policy { grant runbook. zonesub ANY; }; };`, also))
}

// backend returns one that changes the zone of a primary.
func backend(t *testing.T, server string, more obj) *recordset.Backend {
	t.Helper()
	return plugintest.Configured(t, New(), config(server, more))
}

func config(server string, more obj) obj {
	c := obj{"server": server, "key": obj{"name": "runbook", "secret": secret}, "servers": []any{server}, "timeout": "2s"}
	for k, v := range more {
		c[k] = v
	}
	return c
}

// subject is the primary, as the tests of all backends of records know it.
func (b *server) subject() recordsettest.Subject {
	return recordsettest.Subject{System: b.system, Fresh: New, Config: config(b.addr, nil), Negative: 120, Asked: true,
		See: func(t *testing.T, name, kind string) string { return recordsettest.Dig(t, b.addr, name, kind) }}
}

func invoke(t *testing.T, b *recordset.Backend, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	return recordsettest.Invoke(t, b, op, args)
}

func fails(t *testing.T, e *effect.Error, code effect.Code, says string) {
	t.Helper()
	recordsettest.Fails(t, e, code, says, secret)
}

// cutUpdates is a way to a server on which connections break at an update: before
// it arrives, or after, before its answer does. If hold, they stay until the test
// ends, and held tells of each.
func cutUpdates(t *testing.T, server string, at plugintest.At, hold bool) (way string, held func() bool) {
	t.Helper()
	done := make(chan struct{})
	var there atomic.Bool
	stop := func() {
		there.Store(true)
		if hold {
			<-done
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(done)
		_ = l.Close()
	})
	carry := func(conn net.Conn) {
		defer conn.Close()
		to, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer to.Close()
		from, back := &dns.Conn{Conn: conn}, &dns.Conn{Conn: to}
		for {
			raw := make([]byte, dns.MaxMsgSize)
			n, err := from.Read(raw)
			if err != nil {
				return
			}
			update := n > 2 && raw[2]>>3&0xf == dns.OpcodeUpdate
			if update && at == plugintest.Before {
				stop()
				return
			}
			if _, err := back.Write(raw[:n]); err != nil {
				return
			}
			answer := make([]byte, dns.MaxMsgSize)
			n, err = back.Read(answer)
			if err != nil {
				return
			}
			if update {
				stop()
				return
			}
			if _, err := from.Write(answer[:n]); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go carry(conn)
		}
	}()
	return l.Addr().String(), there.Load
}
