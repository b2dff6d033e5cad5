package probe

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// TestLoad: the requests that come, and what is told of them.
func TestLoad(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.String()]++
		mu.Unlock()
		switch r.URL.Path {
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/slow":
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, map[string]any{"targets": map[string]any{
		"green": map[string]any{"url": server.URL + "/healthz", "timeout": "300ms"},
		"shop":  map[string]any{"url": server.URL, "paths": []any{"/a?b=1", "/broken"}},
		"gone":  map[string]any{"url": gone.URL},
		"port":  map[string]any{"tcp": server.Listener.Addr().String()},
	}})
	if err == nil {
		err = b.Configure(context.Background(), checked)
	}
	if err != nil {
		t.Fatal(err)
	}
	load := func(ctx context.Context, args map[string]any) (map[string]any, []string, error) {
		mu.Lock()
		clear(seen)
		mu.Unlock()
		var lines []string
		op := b.Describe().Ops[2]
		checked, err := op.Check(args)
		if err != nil {
			t.Fatal(err)
		}
		v, err := b.Invoke(ctx, plugins.Request{Op: "load", Args: checked, Progress: func(line string) { lines = append(lines, line) }})
		m, _ := v.(map[string]any)
		return m, lines, err
	}
	for _, tt := range []struct {
		args   map[string]any
		errors float64
		paths  []string
	}{
		{map[string]any{"env": "green", "rate": 100.0, "during": "300ms"}, 0, []string{"/healthz"}},
		{map[string]any{"env": "shop", "rate": 100.0, "during": "300ms"}, 50, []string{"/a?b=1", "/broken"}},
		{map[string]any{"env": "green", "rate": 20.0, "during": "300ms", "paths": []any{"/slow"}}, 100, []string{"/slow"}},
		{map[string]any{"env": "gone", "rate": 20.0, "during": "300ms"}, 100, nil},
	} {
		got, _, err := load(context.Background(), tt.args)
		if err != nil {
			t.Errorf("%v: %v", tt.args, err)
			continue
		}
		want := tt.args["rate"].(float64) * 0.3
		if n := got["samples"].(float64); n < want-1 || n > want+1 || got["error_rate"] != tt.errors || got["uptime"] != 100-tt.errors || got["p99_latency"].(float64) <= 0 {
			t.Errorf("%v: got %v", tt.args, got)
		}
		mu.Lock()
		for _, path := range tt.paths {
			if seen[path] < int(want)/len(tt.paths)-1 {
				t.Errorf("%v: %s was requested %d times of %v", tt.args, path, seen[path], want)
			}
		}
		if len(seen) != len(tt.paths) {
			t.Errorf("%v: requested %v", tt.args, seen)
		}
		mu.Unlock()
	}
	for _, tt := range []struct {
		args map[string]any
		code effect.Code
		want string
	}{
		{map[string]any{"env": "port"}, effect.CodeUnsupported, "names no url"},
		{map[string]any{"env": "green", "paths": []any{"http://elsewhere/"}}, effect.CodeInvalid, `"http://elsewhere/" is no path of`},
		{map[string]any{"env": "green", "paths": []any{"healthz"}}, effect.CodeInvalid, "is no path of"},
	} {
		_, _, err := load(context.Background(), tt.args)
		if e := effect.AsError(err); e == nil || e.Code != tt.code || !strings.Contains(e.Message, tt.want) || e.Hint == "" {
			t.Errorf("%v: %v", tt.args, err)
		}
	}

	// It says how far it is, and ends when it is told to.
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for {
			mu.Lock()
			n := seen["/healthz"]
			mu.Unlock()
			if n > 120 {
				cancel()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	_, lines, err := load(ctx, map[string]any{"env": "green", "rate": 100.0, "during": "10m"})
	if err == nil || len(lines) == 0 || !strings.HasSuffix(lines[0], "requests to green, 0 failed") {
		t.Errorf("%v, said %q", err, lines)
	}
}
