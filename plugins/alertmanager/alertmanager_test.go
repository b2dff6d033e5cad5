package alertmanager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/alertmanager/alertmanagertest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

type obj = map[string]any

func config(address string) obj {
	return obj{"address": address, "watchdog": "Watchdog", "targets": obj{"green": obj{"env": "green"}, "blue": obj{"env": "blue"}}}
}

func backend(t *testing.T, config obj) *Backend {
	t.Helper()
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Configure(t.Context(), checked); err != nil {
		t.Fatal(err)
	}
	return b
}

func request(t *testing.T, key, op string, args obj) plugins.Request {
	t.Helper()
	m, _ := stdlib.Contract("health")
	for i := range m.Ops {
		if m.Ops[i].Name == op {
			checked, err := m.Ops[i].Check(args)
			if err != nil {
				t.Fatal(err)
			}
			return plugins.Request{Op: op, Args: checked, Key: key, Run: "r", Place: "1", Attempt: 1, Progress: func(string) {}}
		}
	}
	t.Fatalf("no op %s", op)
	return plugins.Request{}
}

func invoke(t *testing.T, b *Backend, key, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, key, op, args))
	if err != nil {
		return nil, effect.AsError(err)
	}
	return v.(obj), nil
}

func testedOn(t *testing.T) plugintest.System {
	t.Helper()
	return plugintest.Program(t, "Alertmanager", "prometheus-alertmanager", "--version")
}

// TestRealServer: alerts, conformance, and lost answers, before one Alertmanager.
func TestRealServer(t *testing.T) {
	address := alertmanagertest.Start(t)
	b := backend(t, config(address))
	if _, err := invoke(t, b, "k", "alerts", nil); err == nil || err.Code != effect.CodeNoData || !strings.Contains(err.Message, "Watchdog is not there") {
		t.Fatalf("without any alert: %v", err)
	}
	if missing, err := b.Examine(t.Context()); err != nil || len(missing) != 1 || !strings.Contains(missing[0], "Watchdog") {
		t.Errorf("examined: %v, %v", missing, err)
	}
	alertmanagertest.Fire(t, address, map[string]string{"alertname": "Watchdog"}, map[string]string{"alertname": "Slow", "severity": "critical", "env": "green"},
		map[string]string{"alertname": "Full", "severity": "warning"})
	t.Run("alerts", func(t *testing.T) {
		made, err := invoke(t, b, "first", "silence", obj{"match": obj{"alertname": "Slow", "env": "green"}, "lasts": "10m", "why": "green is being moved"})
		if err != nil {
			t.Fatal(err)
		}
		names := func(args obj) string {
			got, err := invoke(t, b, "k", "alerts", args)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, v := range got["alerts"].([]any) {
				a := v.(obj)
				out = append(out, fmt.Sprint(a["severity"], " ", a["name"], " ", a["env"], " ", a["summary"], " ", a["silenced"]))
			}
			return strings.Join(out, "; ")
		}
		// Whether an alert is silenced is told from its next evaluation on.
		want := "critical Slow green Slow fires true; warning Full <nil> Full fires <nil>"
		got := names(nil)
		for deadline := time.Now().Add(30 * time.Second); got != want && time.Now().Before(deadline); got = names(nil) {
			time.Sleep(50 * time.Millisecond)
		}
		if got != want {
			t.Errorf("got %s", got)
		}
		if got := names(obj{"env": "green", "severity": "critical"}); !strings.HasPrefix(got, "critical Slow") || strings.Contains(got, ";") {
			t.Errorf("of green: %s", got)
		}
		if got := names(obj{"env": "blue"}); got != "" {
			t.Errorf("of blue: %s", got)
		}
		for range 2 { // one that has ended is no error
			if _, err := invoke(t, b, "second", "unsilence", obj{"id": made["id"]}); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("conformance", func(t *testing.T) {
		made, err := invoke(t, b, "third", "silence", obj{"match": obj{"alertname": "Full"}, "lasts": "10m", "why": "known"})
		if err != nil {
			t.Fatal(err)
		}
		plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
			System: testedOn(t),
			Config: config(address),
			Writes: []plugins.Request{
				{Op: "silence", Args: obj{"match": obj{"alertname": "Slow"}, "lasts": "5m", "why": "a deployment"}},
				{Op: "unsilence", Args: obj{"id": made["id"]}},
			},
			Reads: []plugins.Request{{Op: "alerts", Args: obj{}}, {Op: "silences", Args: obj{}}},
		})
	})
	t.Run("an answer that is lost", func(t *testing.T) { lostAnswer(t, address) })
	t.Run("a request that is late", func(t *testing.T) { lateRequest(t, address) })
	t.Run("killed", func(t *testing.T) { killed(t, b, address) })
	t.Run("model", func(t *testing.T) { walk(t, b) })
}

// lostAnswer lets a proxy swallow answers to writes: their outcome is unknown, is
// told afterwards, and another attempt makes nothing twice.
func lostAnswer(t *testing.T, address string) {
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	lose := ""
	through := httputil.NewSingleHostReverseProxy(to)
	through.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == lose {
			return errors.New("lost")
		}
		return nil
	}
	through.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy := httptest.NewServer(through)
	defer proxy.Close()
	b := backend(t, config(proxy.URL))
	args := obj{"match": obj{"alertname": "Lost"}, "lasts": "5m", "why": "a test"}
	observe := func(req plugins.Request) plugins.Observation {
		o, err := b.Observe(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	req := request(t, "lost", "silence", args)
	if o := observe(req); o.State != effect.NotApplied {
		t.Errorf("before: %v", o)
	}
	lose = http.MethodPost
	if _, err := b.Invoke(t.Context(), req); effect.AsError(err).Code != effect.CodeUnknown {
		t.Errorf("a lost answer: %v", err)
	}
	o := observe(req)
	id, _ := o.Value.(obj)["id"].(string)
	if o.State != effect.Applied || id == "" {
		t.Fatalf("after: %v", o)
	}
	req.Attempt = 2
	if v, err := b.Invoke(t.Context(), req); err != nil || v.(obj)["id"] != id {
		t.Errorf("another attempt: %v, %v", v, err)
	}
	end := request(t, "end", "unsilence", obj{"id": id})
	if o := observe(end); o.State != effect.NotApplied {
		t.Errorf("before its end: %v", o)
	}
	lose = http.MethodDelete
	if _, err := b.Invoke(t.Context(), end); effect.AsError(err).Code != effect.CodeUnknown {
		t.Errorf("a lost answer: %v", err)
	}
	if o := observe(end); o.State != effect.Applied {
		t.Errorf("after its end: %v", o)
	}
}

// lateRequest lets a proxy keep a request, as a server that hangs does, until
// Observe has looked once: it is found all the same.
func lateRequest(t *testing.T, address string) {
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	through := httputil.NewSingleHostReverseProxy(to)
	looked, once := make(chan struct{}), sync.Once{}
	taken := make(chan struct{})
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			through.ServeHTTP(w, r)
			once.Do(func() { close(looked) })
			return
		}
		defer close(taken)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		<-looked
		res, err := http.Post(address+r.URL.Path, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		_ = res.Body.Close()
	}))
	defer proxy.Close()
	c := config(proxy.URL)
	c["timeout"] = "1s"
	b, req := backend(t, c), request(t, "late", "silence", obj{"match": obj{"alertname": "Late"}, "lasts": "5m", "why": "a test"})
	if _, err := b.Invoke(t.Context(), req); effect.AsError(err).Code != effect.CodeUnknown {
		t.Errorf("a server that hangs: %v", err)
	}
	if o, err := b.Observe(t.Context(), req); err != nil || o.State != effect.Applied {
		t.Errorf("got %v, %v", o, err)
	}
	<-taken
}

// walk holds the model of the module against the server, at random.
func walk(t *testing.T, b *Backend) {
	before, err := invoke(t, b, "k", "silences", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range before["silences"].([]any) {
		if _, err := invoke(t, b, "k", "unsilence", obj{"id": s.(obj)["id"]}); err != nil {
			t.Fatal(err)
		}
	}
	model := stdlib.Models()["health"]
	random := rand.New(rand.NewPCG(7, 4))
	names := map[string]string{} // the model's, by the server's
	var ids []string
	moment := effect.Moment{Now: time.Now(), Start: time.Now(), World: func(string) obj { return nil }}
	seen := map[string]int{}
	for i := range 150 {
		key, op := fmt.Sprintf("effect-%d", i), []string{"silence", "unsilence", "silences"}[random.IntN(3)]
		args, modeled := obj{}, obj{}
		switch op {
		case "silence":
			args = obj{"match": obj{"alertname": fmt.Sprintf("A%d", random.IntN(3))}, "lasts": float64(600 + 60*i), "why": key}
			modeled = args
		case "unsilence":
			if len(ids) == 0 || random.IntN(4) == 0 {
				args, modeled = obj{"id": "00000000-0000-4000-8000-000000000000"}, obj{"id": "none"}
			} else {
				id := ids[random.IntN(len(ids))]
				args, modeled = obj{"id": id}, obj{"id": names[id]}
			}
		}
		real, realErr := invoke(t, b, key, op, args)
		v, err := model.Do(moment, op, request(t, key, op, modeled).Args)
		modelErr := effect.AsError(err)
		if (realErr == nil) != (modelErr == nil) || realErr != nil && realErr.Code != modelErr.Code {
			t.Fatalf("step %d, %s %v: the server gives %v, %v, the model %v, %v", i, op, args, real, realErr, v, modelErr)
		}
		if realErr != nil {
			seen[op+" "+string(realErr.Code)]++
			continue
		}
		seen[op]++
		if op == "silence" {
			id := real["id"].(string)
			ids, names[id] = append(ids, id), v.(obj)["id"].(string)
		}
		if op == "silences" {
			said := func(list obj, name func(string) string) string {
				var out []string
				for _, s := range list["silences"].([]any) {
					s := s.(obj)
					out = append(out, fmt.Sprint(name(s["id"].(string)), s["match"], s["why"], s["by"]))
				}
				return strings.Join(out, "; ")
			}
			is, want := said(real, func(id string) string { return names[id] }), said(v.(obj), func(id string) string { return id })
			if is != want {
				t.Fatalf("step %d: on are\n%s\nthe model has\n%s", i, is, want)
			}
		}
	}
	for _, what := range []string{"silence", "unsilence", "silences", "unsilence not_found"} {
		if seen[what] < 5 {
			t.Errorf("%s came %d times", what, seen[what])
		}
	}
	plugintest.Compared(t, "alertmanager", testedOn(t), plugintest.Sum(seen))
}

// TestServerErrors: each says who was asked and what to do, and shows no token.
func TestServerErrors(t *testing.T) {
	status := http.StatusUnauthorized
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	c := config(server.URL)
	c["token"] = "t0psecret"
	b := backend(t, c)
	for is, code := range map[int]effect.Code{401: effect.CodeRefused, 404: effect.CodeRefused, 302: effect.CodeRefused, 503: effect.CodeUnavailable} {
		status = is
		_, err := invoke(t, b, "k", "silences", nil)
		if err == nil || err.Code != code || !strings.Contains(err.Message, server.URL) || err.Hint == "" || strings.Contains(err.Message+err.Hint, "t0psecret") {
			t.Errorf("%d: %v, hint %q", is, err, err.Hint)
		}
	}
	status = http.StatusServiceUnavailable
	if _, err := invoke(t, b, "k", "silence", obj{"match": obj{"a": "b"}, "lasts": "1m", "why": "x"}); err == nil || err.Code != effect.CodeUnknown {
		t.Errorf("a write that was answered 503: %v", err)
	}
	for where, want := range map[string]obj{"http://alertmanager:9093": nil, "https://alertmanager:9093": {}, "http://localhost:9093": {}, "http://alertmanager:9094": {"insecure": true}} {
		far := obj{"address": where, "token": "t0psecret"}
		maps.Copy(far, want)
		if err := plugintest.Configure(New(), far); (err == nil) != (want != nil) || err != nil && !strings.Contains(err.Error(), "plain http hands the token") {
			t.Errorf("a token to %s: %v", where, err)
		}
	}
	server.Close()
	if _, err := invoke(t, b, "k", "silence", obj{"match": obj{"a": "b"}, "lasts": "1m", "why": "x"}); err == nil || err.Code != effect.CodeUnavailable {
		t.Errorf("a write to nobody: %v", err)
	}
	delete(c, "watchdog")
	if _, err := invoke(t, backend(t, c), "k", "alerts", nil); err == nil || err.Code != effect.CodeUnsupported {
		t.Errorf("alerts without a watchdog: %v", err)
	}
}
