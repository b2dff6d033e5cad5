package http

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// TestLostAnswers breaks connections in every way, and holds what is said of a
// read and of a write against what the server knows.
func TestLostAnswers(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	closed := raw(t, func(net.Conn) {})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String()
	_ = l.Close()
	for _, c := range []struct {
		name, url   string
		read, write effect.Code
		says        string
	}{
		{"nobody listens", gone, effect.CodeUnavailable, effect.CodeUnavailable, "connection refused; nothing was sent"},
		{"no such name", "http://no.such.name.invalid", effect.CodeUnavailable, effect.CodeUnavailable, "nothing was sent"},
		{"no TLS there", strings.Replace(closed, "http:", "https:", 1), effect.CodeUnavailable, effect.CodeUnavailable, "nothing was sent"},
		{"plain HTTP where TLS is wanted", "https" + strings.TrimPrefix(raw(t, func(c net.Conn) {
			readRequest(c)
			fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}), "http"), effect.CodeRefused, effect.CodeRefused, "speaks no TLS; nothing was sent"},
		{"closed at once", closed, effect.CodeUnavailable, effect.CodeUnknown, "the connection broke"},
		{"closed after the request", raw(t, readRequest), effect.CodeUnavailable, effect.CodeUnknown, "the connection broke"},
		{"rubbish", raw(t, func(c net.Conn) { readRequest(c); fmt.Fprint(c, "SSH-2.0-x\r\n") }), effect.CodeFailed, effect.CodeUnknown, "the answer is no HTTP"},
		{"silence", raw(t, func(net.Conn) { <-hang }), effect.CodeTimeout, effect.CodeUnknown, "no answer within 1s"},
		{"headers and silence", raw(t, func(c net.Conn) {
			readRequest(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
			<-hang
		}), effect.CodeTimeout, effect.CodeUnknown, "had not ended within 1s; 3 bytes came"},
		{"half a body", raw(t, func(c net.Conn) {
			readRequest(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		}), effect.CodeUnavailable, effect.CodeUnknown, "broke off after 3 bytes"},
		{"a failure, and half a body", raw(t, func(c net.Conn) {
			readRequest(c)
			fmt.Fprint(c, "HTTP/1.1 409 Conflict\r\nContent-Length: 10\r\n\r\nabc")
		}), effect.CodeFailed, effect.CodeFailed, "409 Conflict: abc"},
		{"headers without an end", raw(t, func(c net.Conn) {
			readRequest(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\n")
			for range headerLimit / 64 {
				fmt.Fprintf(c, "X-A: %s\r\n", strings.Repeat("a", 64))
			}
		}), effect.CodeFailed, effect.CodeUnknown, "no HTTP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := backend(t, nil)
			timeout := "30s"
			if c.read == effect.CodeTimeout {
				timeout = "1s"
			}
			for class, want := range map[string]effect.Code{"read": c.read, "write": c.write} {
				_, err := request(t, b, obj{"url": c.url + "/x", "method": "POST", "class": class, "timeout": timeout,
					"secrets": obj{"Authorization": "Bearer abcdefgh"}})
				if err == nil || err.Code != want || !strings.Contains(err.Message, c.says) || err.Hint == "" || !strings.Contains(err.Message, c.url+"/x") {
					t.Errorf("%s: %v (hint %q), want %s, %q", class, err, err.Hint, want, c.says)
				}
				if strings.Contains(err.Error()+err.Hint, "abcdefgh") {
					t.Errorf("the token is shown: %v", err)
				}
			}
		})
	}
}

// TestSecretsAreNotEchoed asks a service that answers with what it was sent.
func TestSecretsAreNotEchoed(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(403)
		}
		fmt.Fprintf(w, "token %s, %s, other %s", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.Header.Get("Authorization"), r.Header.Get("X-Key"))
	})
	b := backend(t, obj{"services": obj{url: obj{"secrets": obj{"X-Key": "configured-key"}}}})
	args := func(path string) obj {
		return obj{"url": url + path, "secrets": obj{"Authorization": "Bearer abcdefgh"}}
	}
	_, err := request(t, b, args("/no"))
	if err == nil || strings.Contains(err.Error(), "abcdefgh") || strings.Contains(err.Error(), "configured-key") || !strings.Contains(err.Error(), "[secret") {
		t.Errorf("refused: %v", err)
	}
	out, err := request(t, b, args("/yes"))
	if err != nil || strings.Contains(out["body"].(string), "abcdefgh") || strings.Contains(out["body"].(string), "configured-key") || out["redacted"] != true {
		t.Errorf("answered: %v, %v", out, err)
	}
}

// TestCertificates calls services that are trusted or not, and that want a
// certificate or not, under both versions of TLS: with 1.3 a refusal comes
// after the handshake.
func TestCertificates(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	cert, key := ours.issue(t, "runner")
	stranger, strangerKey := theirs.issue(t, "stranger")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			var calls atomic.Int64
			handle := func(nethttp.ResponseWriter, *nethttp.Request) { calls.Add(1) }
			plain := ours.serveTLS(t, "service.example.org", false, version, handle)
			mutual := ours.serveTLS(t, "service.example.org", true, version, handle)
			named := obj{"ca": ours.pem, "server_name": "service.example.org"}
			with := func(cert, key string) obj {
				return obj{"ca": ours.pem, "server_name": "service.example.org", "cert": cert, "key": key}
			}
			for _, c := range []struct {
				name, url string
				service   obj
				code      effect.Code
				says      string
			}{
				{"trusted", plain, named, "", ""},
				{"not trusted", plain, obj{}, effect.CodeRefused, "not trusted"},
				{"another's authority", plain, obj{"ca": theirs.pem, "server_name": "service.example.org"}, effect.CodeRefused, "not trusted"},
				{"another name", plain, obj{"ca": ours.pem}, effect.CodeRefused, "not trusted"},
				{"with a certificate", mutual, with(cert, key), "", ""},
				{"without one", mutual, named, effect.CodeRefused, "refuses our certificate"},
				{"with another's", mutual, with(stranger, strangerKey), effect.CodeRefused, "refuses our certificate"},
			} {
				for _, method := range []string{"GET", "POST"} {
					calls.Store(0)
					b := backend(t, obj{"services": obj{c.url: c.service}})
					_, err := request(t, b, obj{"url": c.url + "/x", "method": method})
					if c.code == "" && (err != nil || calls.Load() != 1) {
						t.Errorf("%s %s: %v after %d calls", c.name, method, err, calls.Load())
					}
					if c.code != "" && (err == nil || err.Code != c.code || !strings.Contains(err.Message, c.says) || err.Hint == "" || calls.Load() != 0) {
						t.Errorf("%s %s: %v after %d calls, want %s, %q", c.name, method, err, calls.Load(), c.code, c.says)
					}
				}
			}
		})
	}
}

// TestCanceled cancels a request that hangs.
func TestCanceled(t *testing.T) {
	arrived := make(chan struct{})
	url := raw(t, func(c net.Conn) {
		readRequest(c)
		close(arrived)
		_, _ = io.Copy(io.Discard, c)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	began := time.Now()
	_, err := backend(t, nil).Invoke(ctx, plugins.Request{Op: "request", Args: obj{"url": url, "method": "POST", "timeout": 60.0}, Progress: func(string) {}})
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnknown || !strings.Contains(e.Message, "canceled") || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}
