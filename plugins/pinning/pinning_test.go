package pinning

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	l := newLab(t)
	small, large := l.content(t, 100), l.content(t, 1<<20)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: testedOn(t),
		Config: config(l.service.Pinning),
		Writes: []plugins.Request{
			{Op: "pin", Args: obj{"cid": small, "from": []any{l.own.Peer}}},
			{Op: "pin", Args: obj{"cid": large, "name": "large", "from": []any{l.own.Peer}}},
			{Op: "unpin", Args: obj{"cid": small}},
		},
		Reads: []plugins.Request{{Op: "pins"}, {Op: "pins", Args: obj{"cid": large}}, {Op: "pins", Args: obj{"type": "indirect"}}},
	})
	if !l.whole(t, large) {
		t.Error("the service's node does not hold what was pinned")
	}
}

// TestOnePin: whatever is repeated, a content has one request.
func TestOnePin(t *testing.T) {
	l := newLab(t)
	b, cid := l.backend(t), l.content(t, 3<<20)
	pins := func() []any { return must(t, b, "pins", obj{"cid": cid})["pins"].([]any) }

	// Nobody has it that the service could ask: it goes on trying after the call.
	fails(t, b, "pin", obj{"cid": cid, "name": "site", "timeout": "300ms"}, effect.CodeTimeout, "it is pinning there, and the request request-1 stands")
	if got := pins(); len(got) != 0 {
		t.Errorf("pins before it is pinned: %v", got)
	}
	var lines []string
	again := request(t, "pin", obj{"cid": cid, "name": "site", "timeout": "1m"})
	again.Progress = func(line string) {
		if lines = append(lines, line); len(lines) == 1 { // it waits for the request that stands
			meet(t, l.service, l.own)
		}
	}
	if v, err := b.Invoke(t.Context(), again); err != nil || !reflect.DeepEqual(v, obj{"cid": cid, "type": "recursive"}) {
		t.Fatal(v, err)
	}
	if len(lines) == 0 || !strings.Contains(lines[0], "is pinning at main") {
		t.Errorf("progress: %q", lines)
	}
	want := []any{obj{"cid": cid, "type": "recursive", "name": "site"}}
	if got := pins(); !reflect.DeepEqual(got, want) || !l.whole(t, cid) {
		t.Errorf("pins %v", got)
	}
	// Another name takes the place of the first; no name leaves it.
	must(t, b, "pin", obj{"cid": cid, "name": "backup"})
	must(t, b, "pin", obj{"cid": cid})
	if got := pins(); len(got) != 1 || got[0].(obj)["name"] != "backup" {
		t.Errorf("pins %v", got)
	}
	if got := must(t, b, "unpin", obj{"cid": cid}); got["was_pinned"] != true {
		t.Error(got)
	}
	if got := must(t, b, "unpin", obj{"cid": cid}); got["was_pinned"] != false {
		t.Error(got)
	}
	// One that is on its way can be ended too.
	unknown := strings.Replace(cid, cid[len(cid)-8:len(cid)-4], "aaaa", 1)
	fails(t, b, "pin", obj{"cid": unknown, "timeout": "200ms"}, effect.CodeTimeout, "end it with ipfs.unpin")
	must(t, b, "unpin", obj{"cid": unknown})
	if left, e := plain(t, l, "status", any4); e != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, e)
	}
	fails(t, b, "pin", obj{"cid": "nonsense"}, effect.CodeInvalid, "check the CID")
	fails(t, b, "pin", obj{"cid": "/ipfs/" + cid}, effect.CodeInvalid, "nothing was sent")
	fails(t, b, "pin", obj{"cid": cid, "node": "other"}, effect.CodeNotFound, `no service "other"`)
}

// plain asks the service for requests.
func plain(t *testing.T, l *lab, pairs ...string) ([]pinRequest, *effect.Error) {
	t.Helper()
	b := l.backend(t)
	c, cancel := newCall(t.Context(), b.settings, b.settings.services["main"], request(t, "pins", nil), &effect.Op{Class: effect.Read})
	defer cancel()
	list, _, e := c.page(query(pairs...))
	return list, e
}

// TestLostAnswer: where the answer to a request is lost, what is sent again
// finds it.
func TestLostAnswer(t *testing.T) {
	l := newLab(t)
	cid := l.content(t, 100)
	meet(t, l.service, l.own)
	to, err := url.Parse(l.service.Pinning)
	if err != nil {
		t.Fatal(err)
	}
	var lose atomic.Bool
	lose.Store(true)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host },
		ModifyResponse: func(r *http.Response) error {
			if r.Request.Method != http.MethodGet && lose.Load() {
				_, _ = io.Copy(io.Discard, r.Body)
				return errors.New("lost")
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}
	way := httptest.NewServer(proxy)
	defer way.Close()
	b := plugintest.Configured(t, New(), config(way.URL+to.Path))
	for _, op := range []string{"pin", "unpin"} {
		lose.Store(true)
		fails(t, b, op, obj{"cid": cid}, effect.CodeUnknown, "it is not known whether it was taken")
		lose.Store(false)
		v := must(t, b, op, obj{"cid": cid})
		left, e := plain(t, l, "status", any4)
		if want := map[string]int{"pin": 1, "unpin": 0}[op]; e != nil || len(left) != want {
			t.Errorf("after %s: %v, requests %v, %v", op, v, left, e)
		}
	}
}

// TestFailures shows what services answer.
func TestFailures(t *testing.T) {
	none := `{"count":0,"results":[]}`
	for name, c := range map[string]struct {
		list, post int // statuses; 0 for what is good
		body       string
		read       effect.Code // of pins; "" for success
		write      effect.Code // of pin
		says       string
	}{
		"token":   {401, 0, `{"error":{"reason":"INVALID","details":"` + token + ` is no token"}}`, "refused", "refused", "check token"},
		"funds":   {0, 409, `{"error":{"reason":"INSUFFICIENT_FUNDS"}}`, "", "refused", "INSUFFICIENT_FUNDS; nothing changed"},
		"pace":    {429, 0, ``, "refused", "refused", "Too Many Requests"},
		"trouble": {0, 503, `down`, "", "unknown", "not known whether it was taken"},
		"down":    {503, 0, `down`, "unavailable", "unavailable", "Service Unavailable: down"},
		"place":   {404, 0, `nothing`, "refused", "refused", "there is no /pins below it"},
		"other":   {0, 0, `<html>`, "", "unknown", "none of the API's"},
		"stale":   {0, 0, `{"requestid":"a","status":"failed","pin":{"cid":"bafyX"},"info":{"status_details":"too large"}}`, "", "failed", "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status, body := c.post, c.body
				if r.Method == http.MethodGet {
					if status = c.list; status == 0 {
						body = none
					}
				}
				if status != 0 {
					w.WriteHeader(status)
				}
				fmt.Fprint(w, body)
			}))
			defer s.Close()
			b := plugintest.Configured(t, New(), config(s.URL))
			if c.read == "" {
				must(t, b, "pins", nil)
			} else {
				fails(t, b, "pins", nil, c.read, c.says)
			}
			fails(t, b, "pin", obj{"cid": "bafyX"}, c.write, c.says)
			if err := b.Health(t.Context()); (err != nil) != (c.list != 0) {
				t.Errorf("health: %v", err)
			}
		})
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	fails(t, plugintest.Configured(t, New(), config(gone.URL)), "pin", obj{"cid": "bafyX"}, effect.CodeUnavailable, "nothing was sent")
	for says, of := range map[string]obj{
		"plain http hands the token": {"url": "http://pins.example.org", "token": token},
		"no endpoint":                {"url": "pins.example.org", "token": token},
		"it is no token":             {"url": "https://pins.example.org", "token": "a b"},
	} {
		if err := plugintest.Configure(New(), obj{"services": obj{"main": of}}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", of["url"], err, says)
		}
	}
}

// TestManyPins reads more than one page of them.
func TestManyPins(t *testing.T) {
	const many = 2500
	began := time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before, _ := time.Parse(time.RFC3339, r.URL.Query().Get("before"))
		var out []string
		for i := many; i > 0 && len(out) < pageSize; i-- { // two are made at a time
			if at := began.Add(time.Duration(i/2) * time.Second); before.IsZero() || !at.After(before) {
				out = append(out, fmt.Sprintf(`{"requestid":"r%d","status":"pinned","created":%q,"pin":{"cid":"bafy%05d"}}`, i, at.Format(time.RFC3339), i))
			}
		}
		fmt.Fprintf(w, `{"count":%d,"results":[%s]}`, many, strings.Join(out, ","))
	}))
	defer s.Close()
	got := must(t, plugintest.Configured(t, New(), config(s.URL)), "pins", nil)
	if list := got["pins"].([]any); got["count"] != float64(many) || list[0].(obj)["cid"] != "bafy00001" || list[many-1].(obj)["cid"] != fmt.Sprintf("bafy%05d", many) {
		t.Errorf("%v pins", got["count"])
	}
}
