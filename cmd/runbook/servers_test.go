package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

type table = map[string]any

// notShown is what servers are shown, and nobody else.
const notShown = "s3cr3t-0f-the-t3sts"

// asked is what a backend is asked whose server is at ADDRESS: two ops with their
// arguments, of which the first reads, where it has such.
type asked struct {
	backend string
	config  table
	calls   []any
	// any is what answers all alike: no page in HTTP is wrong there.
	any bool
}

func askedOf(keys string) []asked {
	www, set := table{"name": "www.example.org"}, table{"name": "www.example.org", "values": []any{"192.0.2.1"}}
	weights, remove := table{"blue": 50.0, "green": 50.0}, table{"sql": "DELETE FROM t"}
	cid := table{"cid": "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"}
	page := table{"to": "all", "key": "k", "text": "x"}
	run := func(class string) table {
		return table{"on": []any{"web"}, "argv": []any{"true"}, "class": class}
	}
	return []asked{
		{backend: "alertmanager", config: table{"address": "http://ADDRESS", "token": notShown},
			calls: []any{"silences", table{}, "silence", table{"match": table{"a": "b"}, "lasts": "1m", "why": "x"}}},
		{backend: "caddy", config: table{"address": "http://ADDRESS", "pool": "web", "pools": table{"web": table{"handler": "web", "servers": table{"blue": "127.0.0.1:1", "green": "127.0.0.1:2"}}}},
			calls: []any{"weights", table{}, "split", weights}},
		{backend: "cloudflare", config: table{"url": "http://ADDRESS", "api_token": notShown}, calls: []any{"records", www, "set", set}},
		{backend: "haproxy", config: table{"socket": "ADDRESS", "pool": "web"}, calls: []any{"weights", table{}, "split", weights}},
		{backend: "http", any: true, config: table{"services": table{"http://ADDRESS": table{"secrets": table{"Authorization": notShown}}}},
			calls: []any{"request", table{"url": "http://ADDRESS/x", "timeout": "500ms"}, "request", table{"method": "POST", "url": "http://ADDRESS/x", "json": table{}, "timeout": "500ms"}}},
		{backend: "kubo", config: table{"nodes": table{"main": table{"api": "http://ADDRESS", "token": "Bearer " + notShown}}}, calls: []any{"pins", table{}, "unpin", cid}},
		{backend: "mariadb", config: table{"address": "ADDRESS", "password": notShown}, calls: []any{"query", table{"sql": "SELECT 1"}, "exec", remove}},
		{backend: "pagerduty", config: table{"services": table{"all": table{"routing_key": notShown}}, "api_token": notShown, "events": "http://ADDRESS", "api": "http://ADDRESS"},
			calls: []any{"acknowledged", table{"to": "all", "key": "k"}, "page", page}},
		{backend: "pinning", config: table{"services": table{"all": table{"url": "http://ADDRESS", "token": notShown}}}, calls: []any{"pins", table{}, "pin", cid}},
		{backend: "postgres", config: table{"nodes": table{"a": table{"address": "ADDRESS"}}, "password": notShown}, calls: []any{"query", table{"sql": "SELECT 1"}, "exec", remove}},
		{backend: "powerdns", config: table{"url": "http://ADDRESS", "api_key": notShown}, calls: []any{"records", www, "set", set}},
		{backend: "prometheus", config: table{"address": "http://ADDRESS", "token": notShown, "targets": table{"green": table{"selector": `job="web"`}}},
			calls: []any{"check", table{"env": "green", "timeout": "500ms"}}},
		{backend: "rfc2136", config: table{"server": "ADDRESS", "key": table{"name": "k", "secret": "czNjcjN0LTBmLXRoZS10M3N0cw=="}}, calls: []any{"records", www, "set", set}},
		{backend: "route53", config: table{"url": "http://ADDRESS", "access_key_id": "AKID", "secret_access_key": notShown}, calls: []any{"records", www, "set", set}},
		{backend: "smtp", config: table{"server": "ADDRESS", "insecure": true, "from": "a@example.org", "channels": table{"all": table{"to": []any{"b@example.org"}}}},
			calls: []any{"send", table{"to": "all", "text": "x"}}},
		{backend: "ssh", config: table{"hosts": table{"web": table{"address": "HOST", "port": "PORT"}}, "keys": []any{filepath.Join(keys, "id")}, "known_hosts": []any{filepath.Join(keys, "known_hosts")},
			"agent": "", "user": "u", "connect_timeout": "500ms", "reconnect": "0s"}, calls: []any{"run", run("read"), "run", run("write")}},
		{backend: "statuspage", config: table{"pages": table{"all": table{"page": "p", "token": notShown}}, "api": "http://ADDRESS/v1"},
			calls: []any{"publish", table{"to": "all", "title": "x", "status": "investigating", "text": "y"}}},
		{backend: "vault", config: table{"address": "http://ADDRESS", "token": notShown}, calls: []any{"get", table{"name": "db/app"}, "rotate", table{"name": "db/app", "value": "x"}, "issue", table{"name": "database/creds/app"}}},
		{backend: "webhook", any: true, config: table{"endpoints": table{"all": table{"url": "http://ADDRESS/x", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "headers": table{"X": notShown}, "pages": true}}},
			calls: []any{"page", page}},
	}
}

// with puts an address into a value.
func with(v any, addr string) any {
	switch v := v.(type) {
	case string:
		host, port, _ := net.SplitHostPort(addr)
		if n, err := strconv.Atoi(port); err == nil && v == "PORT" {
			return float64(n)
		}
		return strings.ReplaceAll(strings.ReplaceAll(v, "ADDRESS", addr), "HOST", host)
	case table:
		out := table{}
		for key, one := range v {
			out[with(key, addr).(string)] = with(one, addr)
		}
		return out
	}
	return v
}

// Kinds of what is no server, or none of the kind: nobody; one that says nothing; one
// that hangs up; one that says what nobody understands.
const (
	gone, silent, ends, rubbish = "gone", "silent", "ends", "\x00\xff\x13nobody\x00knows\r\n\r\n"

	aPage   = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html><body>welcome</body></html>\n"
	gateway = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html><body>no</body></html>\n"
	strange = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n[{\"a\":[null]}]"
)

// listen serves as one of the kinds, and returns its address.
func listen(t *testing.T, kind string) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if kind == gone {
		_ = l.Close()
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				switch kind {
				case ends:
				case silent:
					<-t.Context().Done()
				default:
					_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // some clients wait for a greeting
					_, _ = c.Read(make([]byte, 1<<16))
					_, _ = c.Write([]byte(kind))
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestWhatIsNoServer asks each backend of what does not answer, or is no such server:
// it says so in time, names the address, says what to check, and shows no secret.
func TestWhatIsNoServer(t *testing.T) {
	keys := t.TempDir()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"id": pem.EncodeToMemory(block), "known_hosts": nil} {
		if err := os.WriteFile(filepath.Join(keys, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// These have no server of their own, or one whose address is a secret (shoutrrr), or
	// what they find is their answer (probe).
	named := []string{"age", "env", "exec", "file", "files", "nginx", "pgbackrest", "probe", "script", "shoutrrr", "sqlite"}
	for _, a := range askedOf(keys) {
		named = append(named, a.backend)
		t.Run(a.backend, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []string{gone, silent, ends, rubbish, aPage, gateway, strange} {
				if a.any && (kind == aPage || kind == gateway || kind == strange) {
					continue
				}
				for call := range slices.Chunk(a.calls, 2) {
					a.ask(t, kind, call[0].(string), call[1].(table))
				}
			}
		})
	}
	for _, name := range (&app.App{}).Builtins() {
		if !slices.Contains(named, name) {
			t.Errorf("%s is not asked of what is no server", name)
		}
	}
}

func (a asked) ask(t *testing.T, kind, op string, args table) {
	t.Helper()
	b, ok := (&app.App{}).Builtin(a.backend)
	if !ok {
		t.Fatal("there is no such backend")
	}
	d := b.Describe()
	addr, config, ctx := listen(t, kind), table{}, t.Context()
	if slices.ContainsFunc(d.Config, func(f effect.Field) bool { return f.Name == "timeout" }) {
		config["timeout"] = "500ms"
	} else { // the op alone is bounded, by the engine
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Second)
		defer cancel()
	}
	for key, v := range a.config {
		config[key] = with(v, addr)
	}
	b = plugintest.Configured(t, b, config)
	contract, _ := stdlib.Contract(d.Module)
	req, began := plugintest.Request(t, contract, op, "key", with(args, addr).(table)), time.Now()
	value, err := b.Invoke(ctx, req)
	e := effect.AsError(err)
	if e == nil {
		t.Errorf("%s of %q: %v", op, kind, value)
		return
	}
	said := e.Message + " " + e.Hint
	if !strings.Contains(said, addr) || e.Hint == "" || strings.Contains(said, notShown) {
		t.Errorf("%s of %q at %s: %v, hint %q", op, kind, addr, err, e.Hint)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%s of %q took %s", op, kind, took)
	}
	if kind == gone && e.Code == effect.CodeUnknown {
		t.Errorf("%s of nobody: %v", op, err)
	}
}
