package statuspage

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/plugins/statuspage/statuspagetest"
	"github.com/q-ecosystem/runbook/stdlib"
)

type obj = map[string]any

const (
	pageID = "kctbh9vrtdwd"
	token  = "a-key-of-the-tests-of-statuspage"
)

// api is what takes incidents here: the tests have no page of Statuspage.
var api = plugintest.System{Name: "a Statuspage API of the tests"}

func serve(t *testing.T) *statuspagetest.Server {
	t.Helper()
	return statuspagetest.Start(t, statuspagetest.Page{ID: pageID, Token: token, Components: []string{"API", "Website", "Twin", "Twin"}})
}

func config(url string) obj {
	return obj{"pages": obj{"customers": obj{"page": pageID, "token": token}}, "api": url, "timeout": "1m"}
}

// backend returns a configured backend that waits for nothing.
func backend(t *testing.T, c obj) *Backend {
	t.Helper()
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Configure(t.Context(), revealed(checked)); err != nil {
		t.Fatal(err)
	}
	b.sleep = func(context.Context, time.Duration) {}
	return b
}

// revealed returns plain values for secrets, as the wire does.
func revealed(m obj) obj {
	m = maps.Clone(m)
	for k, v := range m {
		switch v := v.(type) {
		case effect.Secret:
			m[k] = v.Reveal()
		case obj:
			m[k] = revealed(v)
		}
	}
	return m
}

func request(t *testing.T, call string, args obj) plugins.Request {
	t.Helper()
	module, _ := stdlib.Contract("notify")
	if args["to"] == nil {
		args["to"] = "customers"
	}
	return plugintest.Request(t, module, "publish", call, args)
}

func publish(t *testing.T, b *Backend, call string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, call, args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

func must(t *testing.T, b *Backend, call string, args obj) obj {
	t.Helper()
	v, err := publish(t, b, call, args)
	if err != nil {
		t.Fatalf("%s: %v (%s)", call, err, err.Hint)
	}
	return v
}

func TestConformance(t *testing.T) {
	s := serve(t)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: api, Config: config(s.URL),
		Writes: []plugins.Request{
			{Op: "publish", Args: obj{"to": "customers", "key": "i", "title": "Errors", "text": "We look into it.", "impact": "major", "components": obj{"API": "partial_outage"}}},
			{Op: "publish", Args: obj{"to": "customers", "key": "i", "text": "We found it.", "status": "identified", "quiet": true}},
			{Op: "publish", Args: obj{"to": "customers", "key": "i", "text": "It is over.", "status": "resolved", "components": obj{"API": "operational"}}},
		},
	})
	want := []statuspagetest.Update{{Status: "investigating", Text: "We look into it."}, {Status: "identified", Text: "We found it.", Quiet: true}, {Status: "resolved", Text: "It is over."}}
	i := s.Incidents(pageID)
	if len(i) == 0 || len(i[0].Updates) < 3 || !reflect.DeepEqual(i[0].Updates[:3], want) || i[0].Impact != "major" || s.States(pageID)["API"] != "operational" {
		t.Errorf("%+v, %v", i, s.States(pageID))
	}
}

// TestOnce loses answers, in both ways in which Statuspage may keep metadata: what
// was taken is found at the page, and neither sent nor shown twice; what was not is
// known not to be.
func TestOnce(t *testing.T) {
	for _, merges := range []bool{false, true} {
		t.Run(fmt.Sprint("merges ", merges), func(t *testing.T) {
			s := serve(t)
			if merges {
				s.Merge()
			}
			b := backend(t, config(s.URL))
			steps := []obj{{"title": "Errors", "key": "k", "text": "one"}, {"key": "k", "text": "two"}, {"key": "k", "text": "three", "status": "resolved"}}
			for n, args := range steps {
				call := fmt.Sprint("effect-", n)
				if seen, err := b.Observe(t.Context(), request(t, call, args)); err != nil || seen.State != effect.NotApplied {
					t.Fatalf("before %s: %+v, %v", call, seen, err)
				}
				s.SetAfter(func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodGet {
						return false
					}
					conn, _, err := w.(http.Hijacker).Hijack()
					if err == nil {
						_ = conn.Close()
					}
					return true
				})
				if _, err := publish(t, b, call, args); err == nil || err.Code != effect.CodeUnknown {
					t.Fatalf("%s, its answer lost: %v", call, err)
				}
				s.SetAfter(nil)
				seen, err := b.Observe(t.Context(), request(t, call, args))
				if err != nil || seen.State != effect.Applied {
					t.Fatalf("after %s: %+v, %v", call, seen, err)
				}
				if again := must(t, b, call, args); !reflect.DeepEqual(again, seen.Value) {
					t.Errorf("%s again: %v, observed was %v", call, again, seen.Value)
				}
			}
			i := s.Incidents(pageID)
			if len(i) != 1 || len(i[0].Updates) != len(steps) || i[0].Status != "resolved" {
				t.Errorf("%+v", i)
			}
			for n, args := range steps { // each still knows its own
				seen, err := b.Observe(t.Context(), request(t, fmt.Sprint("effect-", n), args))
				if value, _ := seen.Value.(obj); err != nil || value["opened"] != (n == 0) {
					t.Errorf("effect %d in the end: %+v, %v", n, seen, err)
				}
			}
		})
	}
}

// TestBesideOthers has two calls at once write into an incident that people and
// other programs work on.
func TestBesideOthers(t *testing.T) {
	s := serve(t)
	b := backend(t, config(s.URL))
	must(t, b, "open", obj{"key": "k", "title": "Errors", "text": "x"})
	done := make(chan *effect.Error, 8)
	for n := range cap(done) {
		go func() {
			_, err := b.Invoke(t.Context(), request(t, fmt.Sprint("at-once-", n), obj{"key": "k", "text": fmt.Sprint(n)}))
			done <- effect.AsError(err)
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for n := range cap(done) {
		if seen, err := b.Observe(t.Context(), request(t, fmt.Sprint("at-once-", n), obj{"key": "k", "text": "x"})); err != nil || seen.State != effect.Applied {
			t.Errorf("%d: %+v, %v", n, seen, err)
		}
	}
}

// TestManyIncidents finds one among more than a page of the API holds.
func TestManyIncidents(t *testing.T) {
	s := serve(t)
	b := backend(t, config(s.URL))
	for n := range perPage + 20 {
		must(t, b, fmt.Sprint("open-", n), obj{"key": fmt.Sprint("k", n), "title": "Errors", "text": "x"})
	}
	if got := must(t, b, "late", obj{"key": "k3", "text": "y"}); got["opened"] != false {
		t.Errorf("%v", got)
	}
}

func TestComponents(t *testing.T) {
	b := backend(t, config(serve(t).URL))
	for name, want := range map[string]effect.Code{"Api": effect.CodeNotFound, "Twin": effect.CodeConflict, "cmp000000002": ""} {
		_, err := publish(t, b, name, obj{"title": "x", "text": "x", "components": obj{name: "major_outage"}})
		if (err == nil) != (want == "") || err != nil && (err.Code != want || err.Hint == "") {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// TestModelDoesWhatThePageDoes walks the backend and the model of the module at
// random.
func TestModelDoesWhatThePageDoes(t *testing.T) {
	s := serve(t)
	module, _ := stdlib.Contract("notify")
	w := &plugintest.Walk{Backend: backend(t, config(s.URL)), Module: module, Model: stdlib.Models()["notify"],
		Plain: func(_ string, m obj) { delete(m, "url") }} // which the model does not invent
	if err := w.Model.Load(obj{"components": obj{"customers": []any{"API", "Website"}}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 1))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	const steps = 400
	for n := range steps {
		args := obj{"to": "customers", "key": pick("a", "b", "c"), "text": fmt.Sprint("word ", n)}
		for name, value := range map[string]string{"title": pick("", "", fmt.Sprint("incident ", n)), "impact": pick("", "minor", "critical"),
			"status": pick("", "investigating", "identified", "monitoring", "resolved", "resolved")} {
			if value != "" {
				args[name] = value
			}
		}
		if args["title"] != nil && random.IntN(5) == 0 {
			delete(args, "key")
		}
		if random.IntN(3) == 0 {
			args["components"] = obj{pick("API", "Website", "API", "Gone"): pick("operational", "degraded_performance", "under_maintenance")}
		}
		w.Step(t, "publish", args)
		incidents, components := shown(w.Model)
		if got, want := fmt.Sprint(s.States(pageID)["API"], s.States(pageID)["Website"]), fmt.Sprint(components["API"], components["Website"]); got != want {
			t.Fatalf("step %d, %v: the page shows %s, the model %s", n, args, got, want)
		}
		last := map[string]statuspagetest.Incident{} // by title, which are all different
		for _, i := range s.Incidents(pageID) {
			last[i.Name] = i
		}
		for key, v := range incidents {
			want := v.(obj)
			got := last[str(want["title"])]
			var texts []any
			for _, u := range got.Updates {
				texts = append(texts, u.Text)
			}
			if got.Status != want["status"] || !reflect.DeepEqual(texts, want["texts"]) || want["impact"] != nil && got.Impact != want["impact"] {
				t.Fatalf("step %d, %v: the page has of %s %+v, the model %v", n, args, key, got, want)
			}
		}
	}
	w.Showed(t, 10, "publish", "publish not_found", "publish conflict")
	w.Compared(t, "statuspage", api)
}

func shown(m effect.Model) (incidents, components obj) {
	page, _ := m.State(effect.Moment{})["status_pages"].(obj)["customers"].(obj)
	return page["incidents"].(obj), page["components"].(obj)
}

func TestSettings(t *testing.T) {
	for want, c := range map[string]obj{
		"there is no page":                                     {"pages": obj{}},
		"pages.customers.token: it is empty":                   {"pages": obj{"customers": obj{"page": pageID, "token": " "}}},
		"api: a token is sent there, so it has to be https://": {"pages": obj{"customers": obj{"page": pageID, "token": token}}, "api": "http://example.org/v1"},
		"api: it is not how a URL begins":                      {"pages": obj{"customers": obj{"page": pageID, "token": token}}, "api": "example"},
	} {
		checked, err := effect.CheckFields(fields(), nil, c)
		if err == nil {
			err = New().Configure(t.Context(), revealed(checked))
		}
		if e := effect.AsError(err); e == nil || !strings.Contains(e.Message, want) || e.Hint == "" {
			t.Errorf("%v, want %q", err, want)
		}
	}
	b := backend(t, config("https://example.org/v1"))
	if _, err := publish(t, b, "x", obj{"to": "customer", "title": "x", "text": "x"}); err == nil || !strings.Contains(err.Hint, `"customers"`) {
		t.Errorf("a page that is not configured: %v", err)
	}
	if long := slices.Repeat([]string{"x"}, titleLimit+1); true {
		if _, err := publish(t, b, "x", obj{"title": strings.Join(long, ""), "text": "x"}); err == nil || err.Code != effect.CodeInvalid {
			t.Errorf("a long title: %v", err)
		}
	}
}
