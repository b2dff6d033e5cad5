package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/prometheus/prometheustest"
	contract "github.com/q-ecosystem/runbook/stdlib/health"
)

// scripted answers the queries that it knows and nothing else; a query that
// is to fail does so as often as failures says.
type scripted struct {
	answers  map[string][]sample
	warnings map[string]string
	mu       sync.Mutex
	failures map[string]int
	targets  string // activeTargets, as JSON
}

type sample struct {
	instance, value string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/v1/targets" && s.targets != "" {
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"activeTargets":%s}}`, s.targets)
		return
	}
	query := r.FormValue("query")
	s.mu.Lock()
	fails := s.failures[query] > 0
	s.failures[query]--
	s.mu.Unlock()
	if fails {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	result := []any{}
	for _, v := range s.answers[query] {
		result = append(result, map[string]any{"metric": map[string]string{"instance": v.instance}, "value": []any{1700000000, v.value}})
	}
	reply := map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": result}}
	if text := s.warnings[query]; text != "" {
		reply["warnings"] = []string{text}
	}
	_ = json.NewEncoder(w).Encode(reply)
}

func startScripted(t *testing.T, s *scripted) string {
	t.Helper()
	if s.failures == nil {
		s.failures = map[string]int{}
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// gaps returns why metrics were left out, by metric. They fit the contract.
func gaps(t *testing.T, values map[string]any) map[string]string {
	t.Helper()
	for _, op := range contract.Module().Ops {
		if op.Name != "measure" {
			continue
		}
		if _, err := effect.CheckFields(op.Returns, nil, values); err != nil {
			t.Errorf("%v: %v", values, err)
		}
	}
	why := map[string]string{}
	list, _ := values["no_data"].([]any)
	for _, g := range list {
		g := g.(map[string]any)
		why[g["metric"].(string)] = fmt.Sprint(g["why"], " | ", g["query"], " | ", g["series"])
	}
	return why
}

// TestAnswersThatAreNotWhole: an answer is a value only if every series of it
// is a number and nothing is missing.
func TestAnswersThatAreNotWhole(t *testing.T) {
	two := func(a, b string) []sample { return []sample{{"a", a}, {"b", b}} }
	address := startScripted(t, &scripted{
		answers: map[string][]sample{
			"good": two("0.99", "0.5"), "void": two("0.99", "NaN"), "endless": two("+Inf", "1"), "bad": two("NaN", "0"), "partial": two("1", "1"),
			"one": {{"a", "1"}}, "onenan": {{"a", "NaN"}}, "oneinf": {{"a", "-Inf"}}, "onepartial": {{"a", "1"}},
			"max(void)": {{"", "0.99"}}, "(void) != (void)": two("0.99", "NaN"), // as any server says of NaN
			"(good) != (good)": nil, "max(good)": {{"", "0.99"}},
			"good > 0.9": {{"a", "0.99"}}, "void > 0.9": {{"a", "0.99"}},
		},
		warnings: map[string]string{"partial": "store b did not answer", "onepartial": "store b did not answer"},
	})
	t.Run("check", func(t *testing.T) {
		for _, c := range []struct {
			query string
			code  effect.Code // "" for healthy
			says  string
		}{
			{"good", "", "above 0"},
			{"void", effect.CodeNoData, `void has no data: one of 2 series is NaN at {instance="b"}`},
			{"endless", effect.CodeNoData, `one of 2 series is +Inf at {instance="a"}`},
			{"bad", effect.CodeUnhealthy, `bad is 0 at {instance="b"}`},
			{"partial", effect.CodeNoData, "prometheus warns: store b did not answer"},
			{"missing", effect.CodeNoData, "there is no series missing"},
			{"max(good)", "", "above 0"},
			{"max(void)", effect.CodeNoData, `the answer leaves a NaN out at {instance="b"}`},
			{"good > 0.9", effect.CodeUnhealthy, `good > 0.9 does not hold: 0.5 at {instance="b"}`},
			{"void > 0.9", effect.CodeNoData, `leaves a NaN out at {instance="b"}`},
		} {
			b := configured(t, map[string]any{"address": address, "targets": map[string]any{"green": map[string]any{"check": c.query}}})
			v, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "green", "timeout": 0.0})
			if c.code == "" {
				if err != nil || !strings.Contains(fmt.Sprint(v["detail"]), c.says) {
					t.Errorf("%s: %v, %v", c.query, v, err)
				}
				continue
			}
			if e := wantCode(t, err, c.code); !strings.Contains(e.Message, c.says) {
				t.Errorf("%s: %q, want %q", c.query, e.Message, c.says)
			}
		}
	})
	t.Run("measure", func(t *testing.T) {
		b := configured(t, map[string]any{"address": address, "targets": map[string]any{"green": map[string]any{"queries": map[string]any{
			"uptime": "one", "p50_latency": "void", "p95_latency": "onenan", "p99_latency": "oneinf", "error_rate": "onepartial",
			"throughput": "missing", "samples": "max(void)"}}}})
		v, lines, err := invoke(context.Background(), b, "measure", map[string]any{"env": "green", "window": 0.05})
		if err != nil {
			t.Fatal(err)
		}
		near(t, v, "uptime", 1, 0)
		absent(t, v, "p50_latency", "p95_latency", "p99_latency", "error_rate", "throughput", "samples")
		why := gaps(t, v)
		for metric, want := range map[string]string{
			"p50_latency": `one of 2 series is NaN at {instance="b"} | void | {instance="b"}`, "p95_latency": "the answer is NaN", "p99_latency": "the answer is -Inf",
			"error_rate": "store b did not answer", "throughput": "there is no series missing", "samples": "leaves a NaN out",
		} {
			if !strings.Contains(why[metric], want) {
				t.Errorf("%s: %q, want %q", metric, why[metric], want)
			}
		}
		if len(lines) != 6 {
			t.Errorf("said %q", lines)
		}
	})
}

// TestFailedQueries: a query that fails is asked again about the same time;
// one that fails for good takes its metric away and no other.
func TestFailedQueries(t *testing.T) {
	t.Parallel() // it waits for scrapes
	server := &scripted{answers: map[string][]sample{"one": {{"a", "1"}}, "two": {{"a", "2"}}}, failures: map[string]int{"one": 2, "two": 1000}}
	b := configured(t, map[string]any{"address": startScripted(t, server), "targets": map[string]any{
		"green": map[string]any{"queries": map[string]any{"throughput": "one"}},
		"blue":  map[string]any{"queries": map[string]any{"throughput": "three", "samples": "two"}},
		"both":  map[string]any{"queries": map[string]any{"samples": "two", "p50_latency": "one"}}}})
	v, lines, err := invoke(context.Background(), b, "measure", map[string]any{"env": "green", "window": 0.05})
	if err != nil || v["throughput"] != 1.0 || len(lines) != 2 || !strings.Contains(lines[0], "asking again") {
		t.Errorf("%v, %v, said %q", v, err, lines)
	}
	v, _, err = invoke(context.Background(), b, "measure", map[string]any{"env": "both", "window": 0.05})
	if err != nil || v["p50_latency"] != 1.0 || !strings.Contains(gaps(t, v)["samples"], "the query failed: ") {
		t.Errorf("%v, %v", v, err)
	}
	_, _, err = invoke(context.Background(), b, "measure", map[string]any{"env": "blue", "window": 0.05})
	if e := wantCode(t, err, effect.CodeUnavailable); !strings.Contains(e.Message, "tries") {
		t.Errorf("%v", e)
	}
}

// page serves what it is told as metrics.
func page(t *testing.T, text func() string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write([]byte(text()))
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestOldAndSparseSeries(t *testing.T) {
	t.Parallel() // it waits for scrapes
	began := time.Now()
	old := page(t, func() string { // as a push gateway or a federation hands samples on
		return fmt.Sprintf("ratio 1 %d\nhttp_requests_total{code=\"200\"} %d %d\n", began.Add(-time.Minute).UnixMilli(), time.Since(began).Milliseconds(),
			time.Now().Add(-20*time.Second).UnixMilli())
	})
	fresh := page(t, func() string {
		return fmt.Sprintf("ratio 1\nhttp_requests_total{code=\"200\"} %d\n", time.Since(began).Milliseconds())
	})
	var isLost atomic.Bool
	lost := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if isLost.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = fmt.Fprintf(w, "http_requests_total{code=\"200\"} %d\n", time.Since(began).Milliseconds())
	}))
	t.Cleanup(lost.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)
	address := prometheustest.Start(t, 500*time.Millisecond, map[string]string{"mixed": fresh + "," + old, "half": fresh + "," + gone.Listener.Addr().String(), "fresh": fresh,
		"lost": fresh + "," + lost.Listener.Addr().String()})
	target := func(selector, check, age string) map[string]any {
		c := map[string]any{"selector": selector}
		if check != "" {
			c["check"] = check
		}
		if age != "" {
			c["max_age"] = age
		}
		return c
	}
	b := configured(t, map[string]any{"address": address, "targets": map[string]any{
		"mixed": target(`job="mixed"`, `min(ratio{$selector})`, ""), "patient": target(`job="mixed"`, `min(ratio{$selector})`, "10m"),
		"half": target(`job="half"`, "", ""), "two": map[string]any{"selector": `job="fresh"`, "instances": 2.0}, "one": map[string]any{"selector": `job="fresh"`, "instances": 1.0},
		"gauge":   map[string]any{"queries": map[string]any{"p99_latency": `ratio{job="fresh"}`, "throughput": `avg_over_time(ratio{job="fresh"}[$window])`, "samples": "1"}},
		"broken":  map[string]any{"queries": map[string]any{"throughput": `sum(rate(http_requests_total{job="lost"}[$window]))`}},
		"fresh":   target(`job="fresh"`, "", ""),
		"slow":    map[string]any{"selector": `job="fresh"`, "queries": map[string]any{"throughput": `sum(rate(http_requests_total{$selector}[500ms]))`}},
		"unnamed": map[string]any{"queries": map[string]any{"throughput": `sum(rate(http_requests_total{job="fresh"}[$window]))`}}}})
	scraped := func(query string, n int) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			a, err := b.ask(context.Background(), query, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if len(a.points) == n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s has %d series, want %d", query, len(a.points), n)
			}
		}
	}
	scraped(`ratio{job="mixed"}`, 2)
	scraped(`up{job="half"}`, 2)
	scraped(`rate(http_requests_total{job="fresh"}[2s])`, 1)
	scraped(`rate(http_requests_total{job="half"}[2s])`, 1)

	t.Run("an old sample is no health", func(t *testing.T) {
		_, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "mixed", "timeout": 0.0})
		e := wantCode(t, err, effect.CodeNoData)
		if !strings.Contains(e.Message, "the last sample is 1m") || !strings.Contains(e.Message, "(at most 15s)") || !strings.Contains(e.Message, old) {
			t.Error(e.Message)
		}
		if _, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "patient", "timeout": 0.0}); err != nil {
			t.Error(err)
		}
	})
	t.Run("an instance that is down is missing from the sums", func(t *testing.T) {
		v, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "half", "window": 1.5})
		if err != nil {
			t.Fatal(err)
		}
		why := gaps(t, v)
		near(t, v, "uptime", 50, 1e-9)
		for _, metric := range []string{"error_rate", "throughput", "samples"} {
			if !strings.Contains(why[metric], "cannot be scraped") || !strings.Contains(why[metric], gone.Listener.Addr().String()) {
				t.Errorf("%s: %q", metric, why[metric])
			}
		}
	})
	t.Run("an instance that is lost is missing from a query without a selector", func(t *testing.T) {
		scraped(`rate(http_requests_total{job="lost"}[2s])`, 2)
		v, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "broken", "window": 1.5})
		if err != nil || v["throughput"] == nil {
			t.Fatalf("%v, %v", v, err)
		}
		isLost.Store(true)
		scraped(`up{job="lost"} == 0`, 1)
		_, _, err = invoke(context.Background(), b, "measure", map[string]any{"env": "broken", "window": 1.5})
		if e := wantCode(t, err, effect.CodeNoData); !strings.Contains(e.Message, "an instance cannot be scraped (up is 0) at {") || !strings.Contains(e.Message, lost.Listener.Addr().String()) {
			t.Error(e.Message)
		}
	})
	t.Run("an instance that the server does not know of", func(t *testing.T) {
		_, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "two", "timeout": 0.0})
		if e := wantCode(t, err, effect.CodeNoData); !strings.Contains(e.Message, "the server knows of 1 instances, and there have to be 2") {
			t.Error(e.Message)
		}
		if _, _, err = invoke(context.Background(), b, "check", map[string]any{"env": "one", "timeout": 0.0}); err != nil {
			t.Error(err)
		}
		_, _, err = invoke(context.Background(), b, "measure", map[string]any{"env": "two", "window": 1.5})
		if e := wantCode(t, err, effect.CodeNoData); !strings.Contains(e.Message, "uptime") || !strings.Contains(e.Message, "there have to be 2") {
			t.Error(e.Message)
		}
	})
	t.Run("a window without a sample", func(t *testing.T) {
		v, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "gauge", "window": 0.4})
		if err != nil {
			t.Fatal(err)
		}
		why := gaps(t, v)
		if !strings.Contains(why["p99_latency"], "the window of 400ms is too short: it is scraped every 500ms, and the newest sample may be from before the window") ||
			!strings.Contains(why["throughput"], "a range needs two scrapes, 1s at the least") || v["samples"] != 1.0 {
			t.Errorf("%v", v)
		}
		for _, g := range v["no_data"].([]any) {
			if g.(map[string]any)["lasting"] != true {
				t.Errorf("%v", g)
			}
		}
	})
	t.Run("a window that is too short", func(t *testing.T) {
		for env, window := range map[string]float64{"fresh": 0.75, "slow": 1.5, "unnamed": 0.75} {
			v, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": env, "window": window})
			why := gaps(t, v)["throughput"]
			if err != nil {
				why = err.Error()
			}
			if !strings.Contains(why, "is too short: it is scraped every 500ms") || !strings.Contains(why, "1s at the least") {
				t.Errorf("%s: %q, %v", env, why, err)
			}
		}
	})
	t.Run("a window that is coarse", func(t *testing.T) {
		again := configured(t, map[string]any{"address": address, "targets": map[string]any{"fresh": target(`job="fresh"`, "", "")}})
		said := 0
		for range 2 {
			_, lines, err := invoke(context.Background(), again, "measure", map[string]any{"env": "fresh", "window": 1.2})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lines {
				if strings.Contains(l, "the window of 1.2s holds fewer than 4 scrapes of fresh, which is scraped every 500ms: figures are coarse; every = \"2s\" holds them") {
					said++
				}
			}
		}
		if said != 1 {
			t.Errorf("said %d times", said)
		}
	})
	t.Run("a window that is long enough", func(t *testing.T) {
		v, lines, err := invoke(context.Background(), b, "measure", map[string]any{"env": "fresh", "window": 1.5})
		if err != nil || v["error_rate"] != 0.0 || slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "throughput") }) {
			t.Errorf("%v, %v, said %q", v, err, lines)
		}
	})
}

// TestWindowsAreLookedAtFirst: a window that none of a target's queries can use
// is refused before it is waited for, by the interval that the server tells, or
// else by the samples that it has.
func TestWindowsAreLookedAtFirst(t *testing.T) {
	now := func(string) []sample { return []sample{{"a", fmt.Sprint(time.Now().Unix())}} }
	const span = "max by (job, instance) (count_over_time(requests[%ds]))"
	counts := map[string][]sample{fmt.Sprintf(span, 600): {{"a", "10"}}, fmt.Sprintf(span, 1200): {{"a", "20"}}}
	for name, c := range map[string]struct {
		targets string
		counts  map[string][]sample
		window  float64
		says    string // "" for none
	}{
		"by the targets":           {`[{"labels":{"instance":"a"},"scrapeInterval":"1m"}]`, nil, 60, "green cannot be measured over 1m: the window of 1m is too short: it is scraped every 1m, and a rate needs two scrapes, 2m at the least"},
		"by the samples":           {`[]`, counts, 60, "it is scraped every 1m"},
		"by samples of a new one":  {`[]`, map[string][]sample{fmt.Sprintf(span, 10): {{"a", "5"}}, fmt.Sprintf(span, 20): {{"a", "7"}}}, 1, "it is scraped every 2s"},
		"nobody tells":             {`[]`, nil, 0.05, ""},
		"others than the instance": {`[{"labels":{"instance":"b"},"scrapeInterval":"1m"}]`, nil, 0.05, ""},
	} {
		s := &scripted{answers: map[string][]sample{"min by (job, instance) (timestamp(requests))": now(""), "rate(requests[1m])": {{"a", "1"}}, "rate(requests[50ms])": {{"a", "1"}}}, targets: c.targets}
		for q, a := range c.counts {
			s.answers[q] = a
		}
		b := configured(t, map[string]any{"address": startScripted(t, s), "targets": map[string]any{"green": map[string]any{"queries": map[string]any{"throughput": "rate(requests[$window])"}}}})
		began := time.Now()
		_, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "green", "window": c.window})
		if c.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if e := wantCode(t, err, effect.CodeInvalid); !strings.Contains(e.Message, c.says) || !strings.Contains(e.Hint, "every = ") {
			t.Errorf("%s: %v, %s", name, e, e.Hint)
		}
		if took := time.Since(began); c.window > 30 && took > 30*time.Second {
			t.Errorf("%s: it took %s", name, took)
		}
	}
}
