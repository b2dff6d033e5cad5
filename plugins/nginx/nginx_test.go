package nginx

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var (
	_ plugins.Backend   = (*Backend)(nil)
	_ plugins.Observer  = (*Backend)(nil)
	_ plugins.Previewer = (*Backend)(nil)
)

func shares(blue, green, canary float64) map[string]any {
	return map[string]any{"blue": blue, "green": green, "canary": canary, "ghost": 0.0}
}

func TestSplit(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, nil)
	if v := must(t, b, "weights", nil); !maps.Equal(v["weights"].(map[string]any), shares(100, 0, 0)) || v["drift"] != nil {
		t.Errorf("at first %v", v)
	}

	t.Run("divides requests", func(t *testing.T) {
		for _, green := range []float64{20, 50, 100, 0} {
			v := must(t, b, "split", map[string]any{"green": green, "blue": 100 - green})
			for _, key := range []string{"weights", "configured"} {
				if !maps.Equal(v[key].(map[string]any), shares(100-green, green, 0)) {
					t.Errorf("%s after %v%%: %v", key, green, v[key])
				}
			}
			// Five standard deviations of a fair draw.
			const n = 600
			got, far := p.distribution(t, n), 5*math.Sqrt(n*green/100*(1-green/100))
			if math.Abs(float64(got["green"])-n*green/100) > far || got["green"]+got["blue"] != n {
				t.Errorf("split to %v%% sent %v of %d", green, got, n)
			}
		}
	})

	t.Run("no request fails while it is reloaded, and none goes the old way afterwards", func(t *testing.T) {
		var stop atomic.Bool
		failed := make(chan string, 1)
		go func() {
			defer close(failed)
			for !stop.Load() {
				resp, err := http.Get("http://" + p.address)
				if err == nil {
					_ = resp.Body.Close()
				}
				if err != nil || resp.StatusCode != http.StatusOK {
					failed <- fmt.Sprint(resp, err)
					return
				}
			}
		}()
		for i := range 10 {
			to := []string{"green", "blue"}[i%2]
			must(t, b, "switch", map[string]any{"to": to})
			if got := p.distribution(t, 20); got[to] != 20 {
				t.Errorf("switched to %s, and requests went to %v", to, got)
			}
		}
		stop.Store(true)
		if f, bad := <-failed; bad {
			t.Error(f)
		}
	})

	t.Run("three servers, to the hundredth", func(t *testing.T) {
		v := must(t, b, "split", map[string]any{"green": 33.33, "blue": 66.66, "canary": 0.01})
		if !maps.Equal(v["weights"].(map[string]any), shares(66.66, 33.33, 0.01)) {
			t.Errorf("weights %v", v)
		}
		if _, err := invoke(t, b, "split", map[string]any{"green": 99.996, "blue": 0.004}); err == nil {
			t.Error("a share that would get nothing was taken")
		}
	})

	t.Run("observe and preview", func(t *testing.T) {
		must(t, b, "switch", map[string]any{"to": "blue"})
		req := request(t, "split", map[string]any{"green": 10.0, "blue": 90.0})
		if c, err := b.Preview(t.Context(), req); err != nil || c.From != "blue 100%, canary 0%, ghost 0%, green 0%" || c.To != "blue 90%, canary 0%, ghost 0%, green 10%" {
			t.Errorf("previewed %+v, %v", c, err)
		}
		if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.NotApplied {
			t.Errorf("before: %v, %v", o, err)
		}
		must(t, b, "split", req.Args)
		if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.Applied {
			t.Errorf("after: %v, %v", o, err)
		}
	})
}

// TestByClient: with another decider the file is written anew although no share
// changes, and each client stays at one server.
func TestByClient(t *testing.T) {
	p := startProxy(t, "")
	must(t, p.backend(t, nil), "split", map[string]any{"green": 50.0, "blue": 50.0})
	config := p.config(nil)
	config["pools"].(map[string]any)["web"].(map[string]any)["by"] = "$remote_addr"
	b := plugintest.Configured(t, New(), config)
	must(t, b, "split", map[string]any{"green": 50.0, "blue": 50.0})
	if got := p.distribution(t, 50); len(got) != 1 {
		t.Errorf("one client was sent to %v", got)
	}
}

// TestWhatFailsChangesNothing: each refusal leaves the file and the division as
// they were, and says so.
func TestWhatFailsChangesNothing(t *testing.T) {
	p := startProxy(t, "")
	must(t, p.backend(t, nil), "split", map[string]any{"green": 30.0, "blue": 70.0})
	before := p.text(t)
	split := map[string]any{"green": 10.0, "blue": 90.0}
	for what, c := range map[string]struct {
		config map[string]any
		args   map[string]any
		says   []string
	}{
		"a test that fails":                       {map[string]any{"test": []any{"sh", "-c", "echo nginx: [emerg] no; false"}}, split, []string{"test of its configuration", "[emerg] no"}},
		"a test that does not begin":              {map[string]any{"test": []any{"/nothing/there"}}, split, []string{"/nothing/there"}},
		"a reload that fails":                     {map[string]any{"reload": []any{"sh", "-c", "echo no right; exit 1"}}, split, []string{"the reload", "no right", "sudo -n"}},
		"a reload that nginx does not hear":       {map[string]any{"reload": []any{"true"}, "timeout": "300ms"}, split, []string{"still serves", "blue 70%", "error log"}},
		"an upstream that nginx does not have":    {nil, map[string]any{"ghost": 10.0, "blue": 90.0}, []string{"no upstream nowhere"}},
		"a configuration without the pool's file": {map[string]any{"test": []any{"sh", "-c", "echo '# configuration file /etc/nginx.conf:'"}}, split, []string{"does not include " + p.file}},
	} {
		_, err := invoke(t, p.backend(t, c.config), "split", c.args)
		plugintest.WantError(t, err, effect.CodeRefused, append(c.says, "the file is as it was", "nothing changed")...)
		if t.Failed() {
			t.Fatalf("%s: %v", what, err)
		}
		if p.text(t) != before {
			t.Fatalf("%s: the file is now\n%s", what, p.text(t))
		}
	}
	if v := must(t, p.backend(t, nil), "weights", nil); v["drift"] != nil || v["weights"].(map[string]any)["green"] != 30.0 {
		t.Errorf("afterwards %v", v)
	}
	if left, err := filepath.Glob(filepath.Join(p.dir, ".web*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestFileThatCannotBeWritten has a name that leaves no room for one beside it.
func TestFileThatCannotBeWritten(t *testing.T) {
	p := startProxy(t, "")
	file := filepath.Join(p.dir, strings.Repeat("w", 250))
	before := p.text(t)
	p.write(t, file, before)
	config := p.config(nil)
	config["pools"].(map[string]any)["web"].(map[string]any)["file"] = file
	b := plugintest.Configured(t, New(), config)
	_, err := invoke(t, b, "switch", map[string]any{"to": "green"})
	plugintest.WantError(t, err, effect.CodeRefused, "cannot be written", "nothing changed", "its folder")
	if text, err := os.ReadFile(file); err != nil || string(text) != before {
		t.Errorf("the file is now %s, %v", text, err)
	}
}

// TestMasterRefuses: nginx's own test passes, and its master cannot carry the
// configuration out: it keeps the workers of before.
func TestMasterRefuses(t *testing.T) {
	p := startProxy(t, "")
	taken := plugintest.FreeAddress(t)
	busy := &http.Server{Addr: taken}
	go func() { _ = busy.ListenAndServe() }()
	defer busy.Close()
	data, err := os.ReadFile(p.conf)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, p.conf, strings.Replace(string(data), "listen "+p.address+";", "listen "+p.address+"; listen "+taken+";", 1))
	b := p.backend(t, map[string]any{"timeout": "1s"})
	before := p.text(t)
	plugintest.Until(t, "the port is taken", func() bool { _, err := http.Get("http://" + taken); return err == nil })
	_, err = invoke(t, b, "split", map[string]any{"green": 10.0, "blue": 90.0})
	plugintest.WantError(t, err, effect.CodeRefused, "still serves blue 100%", "nothing changed")
	if p.text(t) != before {
		t.Errorf("the file is now\n%s", p.text(t))
	}
}

// TestDrift: what somebody else writes, or a runner that was killed has left, shows
// beside what nginx serves, and is set right by the next write.
func TestDrift(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, nil)
	req := request(t, "split", map[string]any{"green": 10.0, "blue": 90.0})
	d, err := (&reading{pool: b.settings.pools["web"]}).divisionFor(req)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, p.file, d.text()) // and is killed
	v := must(t, b, "weights", nil)
	if drift, _ := v["drift"].(string); !strings.Contains(drift, "nginx serves blue 100%") || !strings.Contains(drift, "says blue 90%") {
		t.Errorf("weights %v", v)
	}
	if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.NotApplied {
		t.Errorf("observed %v, %v", o, err)
	}
	// What was not in force is nothing to go back to.
	_, err = invoke(t, p.backend(t, map[string]any{"test": []any{"false"}}), "split", req.Args)
	plugintest.WantError(t, err, effect.CodeRefused, "nothing changed")
	if v := must(t, b, "weights", nil); v["drift"] != nil || v["configured"].(map[string]any)["blue"] != 100.0 {
		t.Errorf("afterwards %v", v)
	}
	p.write(t, p.file, d.text())
	if v := must(t, b, "split", req.Args); v["drift"] != nil || v["weights"].(map[string]any)["green"] != 10.0 {
		t.Errorf("after the resume %v", v)
	}
	// What is kept is what nginx serves, and not what such a file says.
	req = request(t, "split", map[string]any{"canary": 50.0, "others": "keep"})
	r, err := b.read(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if d, err = r.divisionFor(req); err != nil {
		t.Fatal(err)
	}
	p.write(t, p.file, d.text())
	if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.NotApplied {
		t.Errorf("observed %v, %v", o, err)
	}
	if v := must(t, b, "split", req.Args)["weights"].(map[string]any); v["blue"] != 45.0 || v["green"] != 5.0 || v["canary"] != 50.0 {
		t.Errorf("after the resume of one that keeps %v", v)
	}
}

// TestUnseenWorkers: where the processes cannot be seen, answers in a row tell.
func TestUnseenWorkers(t *testing.T) {
	p := startProxy(t, "")
	config := p.config(nil)
	b := plugintest.Configured(t, New(), config)
	r, err := b.read(t.Context(), request(t, "weights", nil))
	if err != nil {
		t.Fatal(err)
	}
	if w := workers(r.served.pid); len(w) != 2 || !w[r.served.pid] {
		t.Errorf("workers %v, answered has %d", w, r.served.pid)
	}
	if w := workers(os.Getpid()); w != nil {
		t.Errorf("workers of no nginx: %v", w)
	}
	d, err := r.divisionFor(request(t, "switch", map[string]any{"to": "green"}))
	if err != nil {
		t.Fatal(err)
	}
	c := &change{settings: &b.settings, from: r, to: d, progress: func(string) {}}
	if err := c.carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	plugintest.Until(t, "all go to green", func() bool { return p.distribution(t, 10)["green"] == 10 })
}

func TestNoNginx(t *testing.T) {
	p := startProxy(t, "location = /other { return 200 hello; } location = /gone { return 404; }")
	for what, c := range map[string]struct {
		status string
		code   effect.Code
		says   []string
	}{
		"nobody listens":   {"http://" + plugintest.FreeAddress(t) + "/", effect.CodeUnavailable, []string{"does not answer", "refused"}},
		"another location": {"http://" + p.address + "/other", effect.CodeFailed, []string{"location = /other", "$runbook_web_status"}},
		"no location":      {"http://" + p.address + "/gone", effect.CodeFailed, []string{"status 404"}},
	} {
		config := p.config(nil)
		config["pools"].(map[string]any)["web"].(map[string]any)["status"] = c.status
		b := plugintest.Configured(t, New(), config)
		for _, err := range []error{b.Health(t.Context()), func() error { _, err := invoke(t, b, "switch", map[string]any{"to": "green"}); return err }()} {
			plugintest.WantError(t, err, c.code, append(c.says, "pool web")...)
		}
		o, err := b.Observe(t.Context(), request(t, "switch", map[string]any{"to": "green"}))
		if o.State != effect.Uncertain || err == nil {
			t.Errorf("%s: observed %v, %v", what, o, err)
		}
	}
	if err := os.Remove(p.file); err != nil {
		t.Fatal(err)
	}
	_, err := invoke(t, p.backend(t, nil), "weights", nil)
	plugintest.WantError(t, err, effect.CodeNotFound, p.file, "docs/backends/nginx.md")
	p.write(t, p.file, "server { }")
	_, err = invoke(t, p.backend(t, nil), "weights", nil)
	plugintest.WantError(t, err, effect.CodeFailed, "no split_clients block")
}
