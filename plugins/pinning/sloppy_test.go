package pinning

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// served is a backend of a service that answers so.
func served(t *testing.T, answer http.HandlerFunc) *Backend {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return plugintest.Configured(t, New(), config(s.URL))
}

// told is a request as services tell it.
func told(id, cid, status string, made time.Time) string {
	return fmt.Sprintf(`{"requestid":%q,"status":%q,"created":%q,"pin":{"cid":%q}}`, id, status, made.Format(time.RFC3339Nano), cid)
}

func listed(w http.ResponseWriter, count int, requests ...string) {
	fmt.Fprintf(w, `{"count":%d,"results":[%s]}`, count, strings.Join(requests, ","))
}

// TestUnfiltered: a service that does not look at cid loses no pin, and what
// others pinned there is not taken for ours.
func TestUnfiltered(t *testing.T) {
	b := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s was sent", r.Method, r.URL)
		}
		listed(w, 1, told("a", "bafyOther", pinned, time.Now()))
	})
	for _, op := range []string{"pin", "unpin"} {
		fails(t, b, op, obj{"cid": "bafyOurs"}, effect.CodeFailed, "pins of bafyOurs and told one of bafyOther; nothing changed")
	}
	fails(t, b, "pins", obj{"cid": "bafyOurs"}, effect.CodeFailed, "write the CID as the service shows it")
	b = served(t, func(w http.ResponseWriter, _ *http.Request) { listed(w, 1, told("a", "bafyOurs", queued, time.Now())) })
	if got := must(t, b, "pins", obj{"cid": "bafyOurs"}); got["count"] != 0.0 {
		t.Errorf("what is queued is listed as pinned: %v", got)
	}
}

// TestHalfDone: an error after a change does not say that nothing changed.
func TestHalfDone(t *testing.T) {
	b := served(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			listed(w, 2, told("a", "bafyX", pinned, time.Now()), told("b", "bafyX", failed, time.Now()))
		case strings.HasSuffix(r.URL.Path, "/b"):
			w.WriteHeader(http.StatusForbidden)
		}
	})
	_, e := invoke(t, b, "unpin", obj{"cid": "bafyX"})
	if e == nil || e.Code != effect.CodeUnknown || !strings.Contains(e.Message, "1 of 2 requests for bafyX were dropped; ") || strings.Contains(e.Message, "nothing changed") || e.Hint == "" {
		t.Errorf("unpin: %v", e)
	}
	b = served(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			fmt.Fprint(w, told("a", "bafyX", queued, time.Now()))
		case strings.HasSuffix(r.URL.Path, "/a"):
			w.WriteHeader(http.StatusForbidden)
		default:
			listed(w, 0)
		}
	})
	_, e = invoke(t, b, "pin", obj{"cid": "bafyX"})
	if e == nil || e.Code != effect.CodeRefused || !strings.Contains(e.Message, "the request a for bafyX stands there") || strings.Contains(e.Message, "nothing changed") {
		t.Errorf("pin: %v", e)
	}
}

// TestUnpinLooksAgain: what passes does not end the wait for what was dropped.
func TestUnpinLooksAgain(t *testing.T) {
	looks := 0
	b := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			return
		}
		if r.URL.Query().Has("before") { // behind the only page
			listed(w, 0)
			return
		}
		switch looks++; looks {
		case 1, 3:
			listed(w, 1, told("a", "bafyX", pinned, time.Now()))
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 4:
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			listed(w, 0)
		}
	})
	if got := must(t, b, "unpin", obj{"cid": "bafyX"}); got["was_pinned"] != true || looks != 5 {
		t.Errorf("%v after %d looks", got, looks)
	}
}

// TestShortPages: pages of a service that tells fewer than asked for at once, and
// perhaps counts the page alone; that end within a moment; and that end within one
// which has more than a page, behind which the API tells nothing.
func TestShortPages(t *testing.T) {
	const many, page = 25, 10
	began := time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)
	at := map[string]func(i int) time.Time{
		"apart":    func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) },
		"counted":  func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) },
		"in pairs": func(i int) time.Time { return began.Add(time.Duration((i+1)/2) * time.Second) },
		"together": func(int) time.Time { return began },
	}
	for name, at := range at {
		b := served(t, func(w http.ResponseWriter, r *http.Request) {
			before, _ := time.Parse(time.RFC3339, r.URL.Query().Get("before"))
			var out []string
			count := 0
			for i := many; i > 0; i-- {
				if !before.IsZero() && !at(i).Before(before) {
					continue
				}
				if count++; len(out) < page {
					out = append(out, told(fmt.Sprint("r", i), fmt.Sprint("bafy", i), pinned, at(i)))
				}
			}
			if name == "counted" {
				count = len(out)
			}
			listed(w, count, out...)
		})
		if name == "together" {
			fails(t, b, "pins", nil, effect.CodeFailed, fmt.Sprintf("tells %d of %d pins", page, many))
			continue
		}
		if got := must(t, b, "pins", nil); got["count"] != float64(many) {
			t.Errorf("%s: %v of %d pins", name, got["count"], many)
		}
	}
}
