package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/plugins/prometheus/prometheustest"
)

// scrape is how often the servers of the tests look at their targets.
const scrape = 100 * time.Millisecond

// service exposes metrics of requests that it is told of.
type service struct {
	requests *prom.CounterVec
	latency  prom.Histogram
	addr     string
}

func startService(t *testing.T) *service {
	t.Helper()
	s := &service{
		requests: prom.NewCounterVec(prom.CounterOpts{Name: "http_requests_total"}, []string{"code"}),
		latency:  prom.NewHistogram(prom.HistogramOpts{Name: "http_request_duration_seconds", Buckets: []float64{0.01, 0.1, 0.5}}),
	}
	registry := prom.NewRegistry()
	registry.MustRegister(s.requests, s.latency)
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(server.Close)
	s.addr = server.Listener.Addr().String()
	return s
}

// serve counts a request every few milliseconds until the test ends.
func (s *service) serve(t *testing.T, took time.Duration, failEvery int) {
	t.Helper()
	end, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(end)
		<-done
	})
	s.requests.WithLabelValues("200")
	go func() {
		defer close(done)
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		for i := 1; ; i++ {
			code := "200"
			if failEvery > 0 && i%failEvery == 0 {
				code = "500"
			}
			s.requests.WithLabelValues(code).Inc()
			s.latency.Observe(took.Seconds())
			select {
			case <-end:
				return
			case <-ticker.C:
			}
		}
	}()
}

func configure(b *Backend, config map[string]any) error {
	checked, err := effect.CheckFields(b.Describe().Config, nil, config)
	if err != nil {
		return err
	}
	return b.Configure(context.Background(), checked)
}

func configured(t *testing.T, config map[string]any) *Backend {
	t.Helper()
	b := New()
	if err := configure(b, config); err != nil {
		t.Fatal(err)
	}
	return b
}

func invoke(ctx context.Context, b *Backend, op string, args map[string]any) (map[string]any, []string, error) {
	var lines []string
	v, err := b.Invoke(ctx, plugins.Request{Op: op, Args: args, Key: "k", Run: "r", Place: "1", Attempt: 1,
		Progress: func(line string) { lines = append(lines, line) }})
	m, _ := v.(map[string]any)
	return m, lines, err
}

// watched is a measurement in whose time the server missed none of its looks at
// targets that answer: where the machine is busy it gives up on some, and says so.
func watched(t *testing.T, b *Backend, args map[string]any, missed func(map[string]any) bool) (map[string]any, []string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		got, lines, err := invoke(context.Background(), b, "measure", args)
		if err != nil {
			t.Fatal(err)
		}
		if !missed(got) || time.Now().After(deadline) {
			return got, lines
		}
	}
}

// unseen says of a measurement that a look was missed.
func unseen(got map[string]any) bool {
	uptime, known := got["uptime"].(float64)
	return known && uptime < 100 || strings.Contains(fmt.Sprint(got["no_data"]), "up is 0")
}

func wantCode(t *testing.T, err error, code effect.Code) *effect.Error {
	t.Helper()
	var e *effect.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of code %s", err, code)
	}
	if e.Code != code {
		t.Fatalf("got code %s (%s), want %s", e.Code, e.Message, code)
	}
	return e
}

func TestRealServer(t *testing.T) {
	t.Parallel() // it waits for scrapes
	good, failing, slow, idle := startService(t), startService(t), startService(t), startService(t)
	good.serve(t, 50*time.Millisecond, 0)
	failing.serve(t, 50*time.Millisecond, 10)
	slow.serve(t, 5*time.Second, 0)
	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	address := prometheustest.StartWithRules(t, scrape, map[string]string{"good": good.addr, "failing": failing.addr,
		"slow": slow.addr, "idle": idle.addr, "down": down.Listener.Addr().String()},
		"groups: [{name: g, rules: [{alert: Always, expr: 'vector(1) > 0', labels: {severity: warning}}]}]")
	target := func(selector string) map[string]any { return map[string]any{"selector": selector} }
	config := map[string]any{"address": address, "targets": map[string]any{
		"good": target(`job="good"`), "failing": target(`{job="failing"}`), "slow": target(`job="slow"`), "idle": target(`job="idle",`),
		"down": target(`job="down"`), "nowhere": target(`job="nowhere"`),
		"own": map[string]any{"selector": `job="good"`, "check": `up{job=~"good|slow"}`, "queries": map[string]any{
			"throughput": "vector(42)", "p99_latency": "scalar(vector(0.25))", "uptime": "", "error_rate": "vector(0) / 0"}},
		"orders": map[string]any{"selector": `job="good"`, "queries": map[string]any{"checkouts": `sum(rate(http_requests_total{$selector}[$window]))`,
			"success": "vector(0) / 0", "queue": `max(queue_depth{$selector})`, "many": `http_requests_total`}},
		"burning": map[string]any{"selector": `job="failing"`, "objective": "99%"}, "idly": map[string]any{"selector": `job="idle"`, "objective": "99%"},
		"several":  map[string]any{"queries": map[string]any{"throughput": `up`}},
		"range":    map[string]any{"queries": map[string]any{"throughput": `up[$window]`}},
		"nonsense": map[string]any{"queries": map[string]any{"throughput": `sum(`}, "check": "sum("},
		"any":      map[string]any{"check": `up`},
	}}
	b := configured(t, config)

	t.Run("check", func(t *testing.T) {
		got, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "good", "timeout": 30.0})
		if err != nil {
			t.Fatal(err)
		}
		if got["healthy"] != true || got["detail"] != `min(up{job="good"}) is above 0` || got["latency"].(float64) <= 0 {
			t.Errorf("got %v", got)
		}
		if _, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "own", "timeout": 30.0}); err != nil {
			t.Error(err)
		}
	})
	t.Run("check fails", func(t *testing.T) {
		// up has a value once the target was scraped, if in vain.
		for seen := false; !seen; {
			a, err := b.ask(context.Background(), `up{job="down"}`, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			seen = len(a.points) > 0
		}
		for _, c := range []struct {
			env, want string
			code      effect.Code
		}{
			{"down", `min(up{job="down"}) is 0`, effect.CodeUnhealthy},
			{"nowhere", `min(up{job="nowhere"}) has no data: there is no series up{job="nowhere"}`, effect.CodeNoData},
			{"any", `up is 0 at up{instance="`, effect.CodeUnhealthy},
		} {
			_, _, err := invoke(context.Background(), b, "check", map[string]any{"env": c.env, "timeout": 0.3})
			if e := wantCode(t, err, c.code); !strings.HasPrefix(e.Message, c.want) || e.Hint == "" {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
		}
		_, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "nonsense", "timeout": 30.0})
		wantCode(t, err, effect.CodeInvalid)
		_, _, err = invoke(context.Background(), b, "check", map[string]any{"env": "several", "timeout": 30.0})
		wantCode(t, err, effect.CodeInvalid)
	})
	t.Run("measure", func(t *testing.T) {
		start := time.Now()
		got, lines := watched(t, b, map[string]any{"env": "good", "window": 2.0}, unseen)
		if took := time.Since(start); took < 2*time.Second {
			t.Errorf("took %s: it tells of the time before the call", took)
		}
		near(t, got, "p50_latency", 0.055, 1e-6)
		near(t, got, "p95_latency", 0.0955, 1e-6)
		near(t, got, "p99_latency", 0.0991, 1e-6)
		near(t, got, "error_rate", 0, 0)
		near(t, got, "uptime", 100, 0)
		if v, _ := got["throughput"].(float64); v <= 0 {
			t.Errorf("throughput is %v", got["throughput"])
		}
		if n := got["samples"].(float64); n < 100 || n != math.Trunc(n) {
			t.Errorf("samples is %v", n)
		}
		if age, ok := got["age"].(float64); !ok || age <= 0 || age > 30 {
			t.Errorf("age is %v", got["age"])
		}
		if len(lines) != 0 {
			t.Errorf("said %q", lines)
		}
	})
	t.Run("measure failures", func(t *testing.T) {
		got, _ := watched(t, b, map[string]any{"env": "failing", "window": 2.0}, unseen)
		near(t, got, "error_rate", 10, 5)
	})
	t.Run("slower than the last bucket is not healthy", func(t *testing.T) {
		got, lines := watched(t, b, map[string]any{"env": "slow", "window": 1.0}, unseen)
		absent(t, got, "p50_latency", "p95_latency", "p99_latency")
		if len(lines) != 1 || !strings.Contains(lines[0], "no data: p50_latency, p95_latency, p99_latency: the answer is empty although its series are there") {
			t.Errorf("said %q", lines)
		}
	})
	t.Run("no requests", func(t *testing.T) {
		got, _ := watched(t, b, map[string]any{"env": "idle", "window": 1.0}, unseen)
		near(t, got, "uptime", 100, 0)
		absent(t, got, "error_rate", "p50_latency", "p95_latency", "p99_latency")
	})
	t.Run("no data", func(t *testing.T) {
		_, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "nowhere", "window": 0.2})
		if e := wantCode(t, err, effect.CodeNoData); !strings.Contains(e.Message, "uptime") || e.Hint == "" {
			t.Errorf("message %q", e.Message)
		}
	})
	t.Run("own queries", func(t *testing.T) {
		got, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "own", "window": 1.0})
		if err != nil {
			t.Fatal(err)
		}
		near(t, got, "throughput", 42, 0)
		near(t, got, "p99_latency", 0.25, 0)
		near(t, got, "p50_latency", 0.055, 1e-6)
		absent(t, got, "uptime", "error_rate")
	})
	t.Run("metrics of the configuration", func(t *testing.T) {
		measure := func(names ...string) (map[string]any, error) {
			own := map[string]any{}
			for _, name := range names {
				own[name] = "< 100"
			}
			got, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "orders", "window": 1.0, "metrics": own})
			return got, err
		}
		got, err := measure("checkouts", "success", "queue")
		if err != nil {
			t.Fatal(err)
		}
		own := got["metrics"].(map[string]any)
		if rate, _ := own["checkouts"].(float64); rate <= 0 || len(own) != 1 || got["checkouts"] != nil {
			t.Errorf("got %v", got)
		}
		if gaps := fmt.Sprint(got["no_data"]); !strings.Contains(gaps, "metric:success") || !strings.Contains(gaps, "the answer is NaN") ||
			!strings.Contains(gaps, `there is no series queue_depth{job="good"}`) {
			t.Errorf("left out: %s", gaps)
		}
		if got, _ = watched(t, b, map[string]any{"env": "orders", "window": 1.0, "metrics": map[string]any{}}, unseen); got["metrics"] != nil || got["no_data"] != nil {
			t.Errorf("nothing of it was asked for: %v", got)
		}
		_, err = measure("many")
		wantCode(t, err, effect.CodeInvalid)
		begun := time.Now()
		_, err = measure("quue")
		if e := wantCode(t, err, effect.CodeNotFound); !strings.HasPrefix(e.Hint, `did you mean "queue"?`) || !strings.HasSuffix(e.Hint, "known: checkouts, many, queue, success") || time.Since(begun) > 900*time.Millisecond {
			t.Errorf("%v, hint %q", e, e.Hint)
		}
	})
	t.Run("burn rates", func(t *testing.T) {
		got, _ := watched(t, b, map[string]any{"env": "burning", "window": 1.0}, unseen)
		near(t, got, "burn_fast", 10, 3) // one of ten fails, where one of a hundred may
		near(t, got, "burn_slow", 10, 3)
		got, _ = watched(t, b, map[string]any{"env": "idly", "window": 1.0}, unseen)
		absent(t, got, "burn_fast", "burn_slow")
	})
	t.Run("samples beside a baseline", func(t *testing.T) {
		compare := func(env, baseline string) map[string]any {
			first := func(got map[string]any) map[string]any { return got["compared"].([]any)[0].(map[string]any) }
			got, _ := watched(t, b, map[string]any{"env": env, "window": 1.0, "baseline": baseline, "compare": []any{"error_rate"}, "over": 6.0},
				func(got map[string]any) bool {
					return len(first(got)["samples"].([]any)) < 10 || baseline == "good" && len(first(got)["baseline_samples"].([]any)) < 10
				})
			return first(got)
		}
		one := compare("failing", "good")
		failing, good := one["samples"].([]any), one["baseline_samples"].([]any)
		if one["step"] != 0.4 || len(failing) < 10 || len(failing) > 15 || len(good) < 10 || one["why"] != nil {
			t.Errorf("got %v", one)
		}
		for i := range failing {
			if failing[i].(float64) < 1 || i < len(good) && good[i] != 0.0 {
				t.Errorf("sample %d: %v beside %v", i, failing, good)
				break
			}
		}
		if one = compare("good", "idle"); len(one["baseline_samples"].([]any)) != 0 || len(one["samples"].([]any)) < 10 {
			t.Errorf("of a target without requests: %v", one)
		}
		_, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "good", "window": 1.0, "baseline": "grey", "compare": []any{"error_rate"}})
		wantCode(t, err, effect.CodeNotFound)
		_, _, err = invoke(context.Background(), b, "measure", map[string]any{"env": "orders", "window": 1.0, "baseline": "good", "compare": []any{"queue"}})
		if e := wantCode(t, err, effect.CodeNotFound); !strings.Contains(e.Message, `good has no query for the metric "queue"`) {
			t.Errorf("%v", e)
		}
	})
	t.Run("examine", func(t *testing.T) {
		missing, err := b.Examine(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(missing, "\n")
		for _, want := range []string{`orders: queue: there is no series queue_depth{job="good"}`, "orders: success: the answer is NaN",
			"nowhere: ", "several: throughput: the query of several.throughput answers with 5 series", "nonsense: throughput, check: ask "} {
			if !strings.Contains("\n"+text, "\n"+want) {
				t.Errorf("%q is not said:\n%s", want, text)
			}
		}
		if strings.Contains(text, "good: ") || strings.Contains(text, "checkouts") {
			t.Errorf("what is there is said to be missing:\n%s", text)
		}
	})
	t.Run("queries that give no number", func(t *testing.T) {
		for env, want := range map[string]string{"several": "answers with 5 series", "range": "answers with a matrix", "nonsense": "parse error"} {
			_, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": env, "window": 0.2})
			if e := wantCode(t, err, effect.CodeInvalid); !strings.Contains(e.Message, want) || e.Hint == "" {
				t.Errorf("%s: message %q, hint %q", env, e.Message, e.Hint)
			}
		}
		_, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "any", "window": 0.2})
		wantCode(t, err, effect.CodeInvalid)
	})
	t.Run("conformance", func(t *testing.T) {
		_, _, err := invoke(context.Background(), b, "alerts", nil)
		for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); _, _, err = invoke(context.Background(), b, "alerts", nil) {
			time.Sleep(scrape) // its rules are not evaluated yet
		}
		plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
			System: plugintest.Program(t, "Prometheus", "prometheus", "--version"),
			Config: config,
			Reads: []plugins.Request{
				{Op: "check", Args: map[string]any{"env": "good"}},
				{Op: "measure", Args: map[string]any{"env": "good", "window": "500ms"}},
				{Op: "alerts", Args: map[string]any{}},
			},
		})
	})
}

func TestServerErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	_ = l.Close()
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); r.Header.Get("Authorization") != "Bearer t0ken" && name+password != "opspassw0rd" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`))
	}))
	t.Cleanup(guarded.Close)
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the end of the connection is noticed
		<-r.Context().Done()
	}))
	t.Cleanup(hanging.Close)
	starting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("the queue\nis full"))
	}))
	t.Cleanup(starting.Close)
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)

	tests := []struct {
		name   string
		config map[string]any
		code   effect.Code // "" for none
		want   string
	}{
		{"not running", map[string]any{"address": closed}, effect.CodeUnavailable, "ask " + closed + ": connection refused"},
		{"not ready", map[string]any{"address": starting.URL}, effect.CodeUnavailable, `503: "the queue is full"`},
		{"no Prometheus", map[string]any{"address": other.URL}, effect.CodeRefused, "404"},
		{"no credentials", map[string]any{"address": guarded.URL}, effect.CodeRefused, "401"},
		{"wrong token", map[string]any{"address": guarded.URL, "token": "wr0ng"}, effect.CodeRefused, "401"},
		{"token", map[string]any{"address": guarded.URL, "token": "t0ken"}, "", ""},
		{"password", map[string]any{"address": guarded.URL, "username": "ops", "password": "passw0rd"}, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.config["targets"] = map[string]any{"green": map[string]any{"check": "up"}}
			b := configured(t, test.config)
			err := b.Health(context.Background())
			if test.code == "" {
				if err != nil {
					t.Error(err)
				}
				if _, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "green", "timeout": 1.0}); err != nil {
					t.Error(err)
				}
				return
			}
			if e := wantCode(t, err, test.code); !strings.Contains(e.Message, test.want) || e.Hint == "" || strings.Contains(e.Message+e.Hint, "wr0ng") {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
		})
	}
	t.Run("hanging", func(t *testing.T) {
		b := configured(t, map[string]any{"address": hanging.URL, "targets": map[string]any{"green": map[string]any{"check": "up"}}})
		_, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "green", "timeout": 0.2})
		if e := wantCode(t, err, effect.CodeNoData); !strings.Contains(e.Message, "whether green is up is not known: ask ") {
			t.Errorf("%v", e)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _, err = invoke(ctx, b, "check", map[string]any{"env": "green", "timeout": 60.0})
		wantCode(t, err, effect.CodeTimeout)
	})
}

func near(t *testing.T, values map[string]any, name string, want, tolerance float64) {
	t.Helper()
	got, ok := values[name].(float64)
	if !ok || math.Abs(got-want) > tolerance {
		t.Errorf("%s is %v, want %v", name, values[name], want)
	}
}

func absent(t *testing.T, values map[string]any, names ...string) {
	t.Helper()
	for _, n := range names {
		if v, there := values[n]; there {
			t.Errorf("%s is %v, want nothing", n, v)
		}
	}
}
