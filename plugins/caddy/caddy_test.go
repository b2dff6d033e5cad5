package caddy

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
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

func shares(blue, green, canary float64) obj {
	return obj{"blue": blue, "green": green, "canary": canary}
}

// is checks what an op returned of the shares.
func is(t *testing.T, v, want obj) {
	t.Helper()
	for _, key := range []string{"weights", "configured"} {
		if !maps.Equal(v[key].(obj), want) {
			t.Errorf("%s are %v, want %v", key, v[key], want)
		}
	}
}

func TestSplit(t *testing.T) {
	s := start(t)
	b := s.backend(t, nil)
	v := must(t, b, "weights", nil)
	if is(t, v, shares(100, 0, 0)); v["drift"] != nil {
		t.Errorf("at first %v", v)
	}

	t.Run("divides requests", func(t *testing.T) {
		for _, green := range []int{10, 50, 100, 0} {
			is(t, must(t, b, "split", obj{"green": float64(green), "blue": float64(100 - green)}), shares(float64(100-green), float64(green), 0))
			// Caddy counts; some may still be taken by a server of before.
			if got := s.distribution(t, 500); got["green"] < 5*green-5 || got["green"] > 5*green+5 || got["green"]+got["blue"] != 500 {
				t.Errorf("split to %d%% sent %v of 500", green, got)
			}
		}
	})

	t.Run("turns are short", func(t *testing.T) {
		must(t, b, "split", obj{"green": 12.5, "blue": 62.5, "canary": 25.0})
		if held := s.held(t); !slices.Equal(held, []float64{5, 1, 2}) {
			t.Errorf("weights %v", held)
		}
	})

	t.Run("three servers, to the hundredth", func(t *testing.T) {
		is(t, must(t, b, "split", obj{"green": 33.33, "blue": 66.66, "canary": 0.01}), shares(66.66, 33.33, 0.01))
		_, err := invoke(t, b, "split", obj{"green": 99.996, "blue": 0.004})
		plugintest.WantError(t, err, effect.CodeInvalid, "blue cannot be given 0.004%", "0.01%")
	})

	t.Run("what is in force is not written again", func(t *testing.T) {
		_, before := s.ask(t, http.MethodGet, "/id/web", "")
		must(t, b, "split", obj{"green": 33.33, "blue": 66.66, "canary": 0.01})
		if _, after := s.ask(t, http.MethodGet, "/id/web", ""); after != before {
			t.Errorf("was %s, is %s", before, after)
		}
	})

	t.Run("observe and preview", func(t *testing.T) {
		must(t, b, "switch", obj{"to": "blue"})
		req := request(t, "split", obj{"green": 10.0, "blue": 90.0})
		if c, err := b.Preview(t.Context(), req); err != nil || c.From != "blue 100%, canary 0%, green 0%" || c.To != "blue 90%, canary 0%, green 10%" {
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

// TestRequestsMeanwhile: a connection that comes at the moment of a change may be
// dropped, which is Caddy's way to load a configuration. Whoever tries again is
// served, and nobody gets an error for an answer.
func TestRequestsMeanwhile(t *testing.T) {
	s := start(t)
	b := s.backend(t, nil)
	var stop atomic.Bool
	ended := make(chan string)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		sent, dropped, inRow, bad := 0, 0, 0, ""
		for !stop.Load() && bad == "" {
			resp, err := client.Get("http://" + s.front)
			sent++
			if err == nil {
				_ = resp.Body.Close()
				if inRow = 0; resp.StatusCode != http.StatusOK {
					bad = resp.Status
				}
				continue
			}
			dropped++
			if inRow++; inRow == 5 {
				bad = err.Error()
			}
		}
		t.Logf("%d of %d were dropped", dropped, sent)
		ended <- bad
	}()
	for i := range 30 {
		must(t, b, "switch", obj{"to": []string{"green", "blue"}[i%2]})
	}
	stop.Store(true)
	if bad := <-ended; bad != "" {
		t.Error(bad)
	}
}

// TestTheRestStays: only the selection policy is replaced, wherever it is written
// into, and upstreams are known by their addresses.
func TestTheRestStays(t *testing.T) {
	s := start(t)
	const path = "/config/apps/http/servers/web/routes/0/handle/0"
	b := s.backend(t, obj{"pools": s.pool(path, nil)})
	for what, balancing := range map[string]string{
		"retries":         `{"retries":3,"selection_policy":{"policy":"weighted_round_robin","weights":[1,0,0]}}`,
		"an id of theirs": `{"selection_policy":{"@id":"theirs","policy":"weighted_round_robin","weights":[1,0,0]}}`,
		"no policy":       `{"retries":3}`,
		"null":            `null`,
	} {
		s.set(t, http.MethodPost, "/id/web/load_balancing", balancing)
		is(t, must(t, b, "split", obj{"green": 25.0, "blue": 75.0}), shares(75, 25, 0))
		_, text := s.ask(t, http.MethodGet, "/id/web/load_balancing", "")
		if strings.Contains(balancing, "retries") != strings.Contains(text, `"retries":3`) || strings.Contains(balancing, "theirs") != strings.Contains(text, `"@id":"theirs"`) {
			t.Errorf("%s: %s became %s", what, balancing, text)
		}
	}
	s.set(t, http.MethodPatch, "/id/web/upstreams", fmt.Sprintf(`[{"dial":%q},{"dial":%q},{"dial":%q}]`, s.upstreams["green"], s.upstreams["blue"], s.upstreams["canary"]))
	is(t, must(t, b, "weights", nil), shares(25, 75, 0))
	must(t, b, "switch", obj{"to": "blue"})
	if held := s.held(t); !slices.Equal(held, []float64{0, 1, 0}) {
		t.Errorf("weights %v", held)
	}
	if got := s.distribution(t, 30); got["blue"] != 30 {
		t.Errorf("requests went to %v", got)
	}
}

// TestDivisionIsCaddys: what is said of odd configurations is what requests see.
func TestDivisionIsCaddys(t *testing.T) {
	s := start(t)
	b := s.backend(t, nil)
	for policy, want := range map[string]struct {
		shares obj
		drift  bool
	}{
		`{"policy":"weighted_round_robin","weights":[3,0,1]}`:     {shares(75, 0, 25), false},
		`{"policy":"weighted_round_robin","weights":[0,7]}`:       {shares(0, 100, 0), false},
		`{"policy":"weighted_round_robin","weights":[7]}`:         {shares(100, 0, 0), false},
		`{"policy":"weighted_round_robin","weights":[1,0,1,2,4]}`: {shares(37.5, 0, 62.5), false},
		`{"policy":"first"}`:                                {shares(100, 0, 0), true},
		`{"policy":"round_robin"}`:                          {shares(100.0/3, 100.0/3, 100.0/3), true},
		`{"policy":"weighted_round_robin","weights":[1,1]}`: {shares(50, 50, 0), false},
	} {
		s.set(t, http.MethodPost, "/id/web/load_balancing", `{"selection_policy":`+policy+`}`)
		v := must(t, b, "weights", nil)
		if is(t, v, want.shares); (v["drift"] != nil) != want.drift {
			t.Errorf("%s: %v", policy, v)
		}
		plugintest.Until(t, policy+" is in force", func() bool { // by the servers of before no more
			got := s.distribution(t, 24)
			for name, share := range want.shares {
				if n := share.(float64) * 24 / 100; float64(got[name]) < n-1e-9 || float64(got[name]) > n+1e-9 {
					return false
				}
			}
			return true
		})
	}
}

// TestPolicyOfTheirs: what keeps clients at their server is not replaced.
func TestPolicyOfTheirs(t *testing.T) {
	s := start(t)
	b := s.backend(t, nil)
	split := obj{"green": 10.0, "blue": 90.0}
	for _, policy := range []string{"ip_hash", "cookie"} {
		s.set(t, http.MethodPost, "/id/web/load_balancing", `{"selection_policy":{"policy":"`+policy+`"}}`)
		_, err := invoke(t, b, "split", split)
		plugintest.WantError(t, err, effect.CodeConflict, "the policy "+policy, "nothing changed", weighted)
		_, err = b.Preview(t.Context(), request(t, "split", split))
		plugintest.WantError(t, err, effect.CodeConflict, "the policy "+policy)
		plugintest.WantError(t, b.Health(t.Context()), effect.CodeConflict, "the policy "+policy)
		if _, text := s.ask(t, http.MethodGet, "/id/web/load_balancing", ""); !strings.Contains(text, policy) {
			t.Errorf("it is now %s", text)
		}
	}
	_, err := invoke(t, b, "weights", nil)
	plugintest.WantError(t, err, effect.CodeFailed, "the policy cookie", "another configuration")
	s.set(t, http.MethodPost, "/id/web/load_balancing", `{"selection_policy":{"policy":"least_conn"}}`)
	if c, err := b.Preview(t.Context(), request(t, "split", split)); err != nil || !strings.Contains(c.From, "by the policy least_conn") {
		t.Errorf("previewed %+v, %v", c, err)
	}
	if v := must(t, b, "split", split); v["drift"] != nil {
		t.Errorf("after the split %v", v)
	}
}
