package lab_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nicholas-fedor/shoutrrr"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"github.com/q-ecosystem/runbook/examples/lab"
)

func TestCommandLine(t *testing.T) {
	l := start(t, lab.Options{Rate: 50})
	dir := l.Info().Dir
	for _, c := range []struct {
		args string
		code int
		want string // in the output or the error
	}{
		{"status", 0, "blue   v1.0.0   100"},
		{"deploy green v1.1.0", 0, ""},
		{"status", 0, "green  v1.1.0"},
		{"slow green 300ms", 0, ""},
		{"fail green 5%", 0, ""},
		{"status", 0, "slow 300ms, fail 5%"},
		{"heal green", 0, ""},
		{"load green --duration 500ms --rate 40", 0, "20 sent, 20 ok, 0 failed"},
		{"load green --duration 100ms --json", 0, `"sent":20`},
		{"rate 100", 0, ""},
		{"status --json", 0, `"rate":100`},
		{"down green", 0, ""},
		{"status", 0, "DOWN"},
		{"heal green", 0, ""},
		{"decommission green", 0, ""},
		{"decommission blue", 1, "takes traffic of pool web"},
		{"deploy gren v1", 1, `did you mean "green"?`},
		{"deploy purple v1", 1, "there are blue and green"},
		{"deploy green v1;rm", 1, "is not a version"},
		{"slow green 300", 1, "300 is not a duration"},
		{"slow green 2h", 1, "more than 1m"},
		{"fail green 500%", 1, "not a percentage"},
		{"fail green NaN", 1, "not a percentage"},
		{"load green --duration never", 1, "write 5s"},
		{"load green --rate 99999", 1, "99999"},
		{"rate many", 2, "number of requests"},
		{"rate 99999", 1, "between 0 and 5000"},
		{"deploy green", 2, "deploy wants 2 arguments, got 1"},
		{"depoly green v1", 2, `did you mean "deploy"?`},
		{"status --bogus", 2, "usage: runbook lab"},
		{"--help", 0, "usage: runbook lab"},
	} {
		var out, errs bytes.Buffer
		args := append(strings.Fields(c.args), "--dir", dir)
		if code := lab.Main(t.Context(), args, &out, &errs); code != c.code {
			t.Errorf("lab %s: exit code %d, want %d: %s%s", c.args, code, c.code, out.String(), errs.String())
		}
		if text := strings.ReplaceAll(out.String()+errs.String(), `"300"`, "300"); !strings.Contains(text, c.want) {
			t.Errorf("lab %s: %q is not in %q", c.args, c.want, text)
		}
	}
}

func TestNoLab(t *testing.T) {
	dir := t.TempDir()
	var none *lab.NotRunningError
	_, err := lab.Connect(dir)
	if !errors.As(err, &none) || err.Error() != "no lab is running in "+dir+": start one with `runbook lab`" {
		t.Errorf("%v", err)
	}
	var out, errs bytes.Buffer
	if code := lab.Main(t.Context(), []string{"status", "--dir", dir}, &out, &errs); code != 1 {
		t.Errorf("status without a lab: %d", code)
	}
}

func TestForeignConfigStays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "runbook.yaml")
	if err := os.WriteFile(path, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Start(t.Context(), lab.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another directory") {
		t.Errorf("%v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "version: 1\n" {
		t.Errorf("the file is now %q", data)
	}
}

func TestDeploy(t *testing.T) {
	l := start(t, lab.Options{})
	c := connect(t, l.Info().Dir)
	first := make(chan error, 1)
	go func() { first <- c.Deploy(t.Context(), "green", "v1.1.0") }()
	eventually(t, "deployment under way", func() bool { return l.State().Environments["green"].Incoming == "v1.1.0" })
	if err := c.Deploy(t.Context(), "green", "v1.2.0"); err == nil || !strings.Contains(err.Error(), "v1.1.0 is under way") {
		t.Errorf("second deployment: %v", err)
	}
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, l.Info().Services["green"]+"/healthz"); status != 200 {
		t.Errorf("green after its deployment: %d", status)
	}
	s, err := c.State(t.Context())
	if err != nil || s.Servers[1].Status != "UP" || s.Environments["green"].Version != "v1.1.0" {
		t.Errorf("%v %+v", err, s)
	}
}

func TestBrowsersAreRefused(t *testing.T) {
	l := start(t, lab.Options{})
	for name, change := range map[string]func(*http.Request){
		"origin": func(r *http.Request) { r.Header.Set("Origin", "https://example.com") },
		"host":   func(r *http.Request) { r.Host = "example.com:80" },
	} {
		req, err := http.NewRequest(http.MethodPost, l.Info().Control+"/rate", strings.NewReader(`{"rate": 1}`))
		if err != nil {
			t.Fatal(err)
		}
		change(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	if rate := l.State().Rate; rate != 0 {
		t.Errorf("rate is %d", rate)
	}
}

func TestMetrics(t *testing.T) {
	l := start(t, lab.Options{})
	if got := spread(t, l.Info().Proxy, 100); got["blue"] != 100 {
		t.Fatal(got)
	}
	resp, err := http.Get(l.Info().Services["blue"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if h := families["http_request_duration_seconds"].GetMetric()[0].GetHistogram(); h.GetSampleCount() != 100 ||
		h.GetSampleSum() < 0.3 || h.GetBucket()[0].GetUpperBound() != 0.001 {
		t.Errorf("histogram: %v", h)
	}
	for _, m := range families["http_requests_total"].GetMetric() {
		want := map[string]float64{"200": 100, "500": 0}
		if code := m.GetLabel()[0].GetValue(); m.GetCounter().GetValue() != want[code] {
			t.Errorf("http_requests_total: %v", m)
		}
	}
	if v := families["build_info"].GetMetric()[0].GetLabel()[0].GetValue(); v != "v1.0.0" {
		t.Errorf("build_info: %s", v)
	}
}

// shape is what the lab's configuration has to be for the engine.
type shape struct {
	Version      int
	Environments struct {
		Default struct {
			Traffic struct{ Backend, Socket, Pool string }
			Health  struct {
				Backend string
				Targets map[string]struct{ URL, Metrics string }
			}
			Notify []struct {
				Backend  string
				Channels map[string]struct{ URL string }
			}
			Exec struct{ Backend string }
		}
	}
}

func TestConfigAndSinks(t *testing.T) {
	l := start(t, lab.Options{})
	info := l.Info()
	data, err := os.ReadFile(info.Config)
	if err != nil {
		t.Fatal(err)
	}
	var c shape
	if err := yaml.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	env := c.Environments.Default
	if c.Version != 1 || env.Traffic.Backend != "haproxy" || env.Traffic.Socket != info.Socket || env.Traffic.Pool != "web" ||
		env.Health.Backend != "probe" || env.Health.Targets["blue"].Metrics != info.Services["blue"]+"/metrics" ||
		env.Health.Targets["green"].URL != info.Services["green"]+"/healthz" || env.Health.Targets["proxy"].URL != info.Proxy+"/" ||
		len(env.Notify) != 3 || env.Notify[0].Backend != "shoutrrr" || env.Notify[1].Backend != "pagerduty" || env.Notify[2].Backend != "statuspage" || env.Exec.Backend != "exec" {
		t.Errorf("%s", data)
	}
	for _, channel := range []string{"deployments", "oncall"} {
		name, isFile := strings.CutPrefix(env.Notify[0].Channels[channel].URL, "file:")
		if !isFile {
			t.Fatalf("the URL of %s is not a reference: %q", channel, env.Notify[0].Channels[channel].URL)
		}
		url, err := os.ReadFile(filepath.Join(info.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sender, err := shoutrrr.CreateSender(string(url))
		if err != nil {
			t.Fatalf("%s: %v", channel, err)
		}
		for _, err := range sender.Send(channel+": v1.1.0 serves all traffic", nil) {
			if err != nil {
				t.Errorf("%s: %v", channel, err)
			}
		}
	}
	got := l.Messages()
	if len(got) != 2 || got[0].Via != "webhook" || got[0].To != "/hook" ||
		got[0].Text != "deployments: v1.1.0 serves all traffic" ||
		got[1].Via != "smtp" || got[1].To != "oncall@lab.localhost" || !strings.Contains(got[1].Text, "oncall: v1.1.0") {
		t.Errorf("%+v", got)
	}
}

func TestPlainWebhookBody(t *testing.T) {
	l := start(t, lab.Options{})
	resp, err := http.Post(l.Info().Webhook, "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	got := l.Messages()
	if len(got) != 1 || got[0].Text != "hello" || time.Since(got[0].At) > time.Minute {
		t.Errorf("%+v", got)
	}
	if data, err := json.Marshal(l.State()); err != nil || !bytes.Contains(data, []byte(`"text":"hello"`)) {
		t.Errorf("%v %s", err, data)
	}
}
