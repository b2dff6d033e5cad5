package kubo

import (
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestKilled kills the backend at moments before, within and after what it
// does, and does it again, as the recovery retry says: it is there once, whole
// and pinned, and pins keep their names.
func TestKilled(t *testing.T) {
	b, main, backup := twoNodes(t)
	meet(t, main, backup)
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "large"), 1, 6<<20)
	root := must(t, b, "add", obj{"path": path, "node": "backup"})["cid"].(string)
	archive := filepath.Join(dir, "whole.car")
	must(t, b, "export", obj{"cid": root, "path": archive, "node": "backup"})
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	random := rand.New(rand.NewPCG(3, 9))
	for op, args := range map[string]obj{"add": {"path": path}, "pin": {"cid": root, "name": "site"}, "import": {"path": archive},
		"unpin": {"cid": root}, "export": {"cid": root, "path": filepath.Join(dir, "again.car")}} {
		t.Run(op, func(t *testing.T) {
			ended, longest := 0, 60*time.Millisecond
			for n := 0; n < rounds || (ended == 0 || ended == n) && n < 40; n++ {
				must(t, b, "unpin", obj{"cid": root})
				main.command(t, "repo/gc")
				if op == "unpin" || op == "export" {
					must(t, b, "pin", obj{"cid": root, "name": "site"})
				}
				_ = os.Remove(filepath.Join(dir, "again.car"))
				req := request(t, op, args)
				delay := time.Duration(random.Int64N(int64(longest))) // any moment will do; none is waited for
				if plugintest.Kill(t, b.Describe().Name, config(main, backup), req, func() { time.Sleep(delay) }) {
					ended++
				}
				if ended == 0 {
					longest *= 2
				} else if ended == n+1 {
					longest = longest * 2 / 3
				}
				if _, err := os.Stat(filepath.Join(dir, "again.car")); err == nil {
					must(t, b, "import", obj{"path": filepath.Join(dir, "again.car"), "node": "backup"}) // it is whole, or is not there
				}
				must(t, b, op, args)
				pins := must(t, b, "pins", nil)
				if want := 1.0; op != "unpin" && pins["count"] != want || op == "unpin" && pins["count"] != 0.0 {
					t.Fatalf("after it was done again: %v", pins)
				}
				must(t, b, "validate", obj{"cid": root})
				if name := "site"; (op == "pin" || op == "export") && pins["pins"].([]any)[0].(obj)["name"] != name {
					t.Fatalf("the pin became %v", pins)
				}
			}
			t.Logf("%d had ended when they were killed", ended)
		})
	}
}

// TestNodeDies kills a node that looks for what nobody has.
func TestNodeDies(t *testing.T) {
	n := startNode(t, "")
	b := backend(t, obj{"nodes": obj{"only": obj{"api": n.API}}})
	req := request(t, "pin", obj{"cid": "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", "timeout": "10m",
		"from": []any{"/ip4/127.0.0.1/tcp/1/p2p/" + n.id()}})
	req.Progress = func(string) { n.Stop() } // after it could not connect
	done := make(chan error, 1)
	go func() {
		_, err := b.Invoke(t.Context(), req)
		done <- err
	}()
	select {
	case err := <-done:
		if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnavailable || e.Hint == "" {
			t.Errorf("the node died before it was told to pin: %v", err)
		}
	case <-time.After(patience):
		t.Error("it still waits for a node that died")
	}

	// And one that has begun, which only the way to it can tell.
	n = startNode(t, "")
	to, err := url.Parse(n.API)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval, proxy.ErrorLog = -1, log.New(io.Discard, "", 0) // it is to fail
	b = stub(t, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Authorization")
		if strings.HasSuffix(r.URL.Path, "/pin/add") {
			time.AfterFunc(100*time.Millisecond, n.Stop)
		}
		proxy.ServeHTTP(w, r)
	})
	fails(t, b, "pin", obj{"cid": "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", "timeout": "1m"}, effect.CodeUnknown, "not known whether")
}
