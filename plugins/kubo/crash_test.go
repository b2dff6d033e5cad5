package kubo

import (
	"io"
	"log"
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
	"github.com/q-ecosystem/runbook/stdlib/ipfs"
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
	moments := 4
	if testing.Short() {
		moments = 1
	}
	again := filepath.Join(dir, "again.car")
	pin := obj{"cid": root, "name": "site", "from": []any{backup.Peer}, "timeout": "20s"}
	for op, args := range map[string]obj{"add": {"path": path}, "pin": pin, "import": {"path": archive},
		"unpin": {"cid": root}, "export": {"cid": root, "path": again}} {
		t.Run(op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: config(main, backup), Module: ipfs.Module(), Op: op, System: testedOn(t), Moments: moments, Next: func(t *testing.T) plugintest.Round {
				must(t, b, "unpin", obj{"cid": root})
				main.command(t, "repo/gc")
				if op == "unpin" || op == "export" {
					// A node whose fetching was cut short may wait for a block that it asks nobody for.
					plugintest.Until(t, "it is pinned", func() bool { _, err := invoke(t, b, "pin", pin); return err == nil })
				}
				_ = os.Remove(again)
				there := func() bool {
					return (len(main.command(t, "pin/ls", "type", "recursive", "stream", "true")) > 0) != (op == "unpin")
				}
				if op == "export" {
					there = func() bool { _, err := os.Stat(again); return err == nil }
				}
				return plugintest.Round{Args: args, There: there, After: func() {
					if op == "export" {
						must(t, b, "import", obj{"path": again, "node": "backup"}) // it is whole
					}
					pins := must(t, b, "pins", nil)
					if want := 1.0; op != "unpin" && pins["count"] != want || op == "unpin" && pins["count"] != 0.0 {
						t.Fatalf("after it was done again: %v", pins)
					}
					must(t, b, "validate", obj{"cid": root})
					if name := "site"; (op == "pin" || op == "export") && pins["pins"].([]any)[0].(obj)["name"] != name {
						t.Fatalf("the pin became %v", pins)
					}
				}}
			}}.Run(t)
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
