package haproxy

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestSessionsAreThoseUnderWay: a drained server gets nothing new, and its sessions
// are those that it still has, until they have ended. So it is in the model, too.
func TestSessionsAreThoseUnderWay(t *testing.T) {
	const n = 3
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(s.Close)
	dir, err := os.MkdirTemp("", "rb") // a port that is free now may be taken when the proxy starts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	front := filepath.Join(dir, "front.sock")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", front)
	}}}
	p := startProxy(t, "frontend busy_front\n  bind unix@"+front+"\n  timeout client 1m\n  default_backend busy\nbackend busy\n  timeout server 1m\n"+
		"  server a "+s.Listener.Addr().String()+" weight 100\n  server b 127.0.0.1:9 weight 0")
	b := p.backend(t, map[string]any{"pool": "busy"})
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	end := sync.OnceFunc(func() { close(release) })
	t.Cleanup(end)
	for range n {
		all.Go(func() {
			resp, err := client.Get("http://busy/")
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("a request under way was not answered: %v, %v", resp, err)
				return
			}
			_ = resp.Body.Close()
		})
	}
	sessions := func() any { return serverOf(t, b, "busy", "a")["sessions"] }
	plugintest.Until(t, "all are under way", func() bool { return sessions() == float64(n) })
	must(t, b, "split", map[string]any{"a": 50.0, "b": 50.0})
	must(t, b, "drain", map[string]any{"server": "a"})
	if got := serverOf(t, b, "busy", "a"); got["status"] != "drain" || got["weight"] != 0.0 || got["sessions"] != float64(n) {
		t.Errorf("drained %v", got)
	}
	end()
	all.Wait()
	plugintest.Until(t, "all have ended", func() bool { return sessions() == 0.0 })
}
