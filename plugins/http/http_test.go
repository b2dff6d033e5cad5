package http

import (
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

type obj = map[string]any

// TestWhatIsSent holds what a service receives against what was asked for.
func TestWhatIsSent(t *testing.T) {
	var got *nethttp.Request
	var body string
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		data, _ := io.ReadAll(r.Body)
		got, body = r, string(data)
		w.Header().Add("X-Two", "a")
		w.Header().Add("X-Two", "b")
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprint(w, `{"id":9007199254740993,"ok":true,"none":null}`)
	})
	b := backend(t, obj{"services": obj{
		url:           obj{"headers": obj{"X-Team": "ops", "X-Both": "configured"}},
		url + "/api/": obj{"secrets": obj{"X-Token": "configured-token"}},
	}})
	out, err := request(t, b, obj{"url": url + "/api/jobs?x=1", "method": "POST", "key_header": "Idempotency-Key",
		"json": obj{"$ref": "a<b", "n": 1.0}, "headers": obj{"X-Both": "called", "Host": "jobs.example.org"}, "secrets": obj{"Authorization": "Bearer abcdefgh"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Idempotency-Key": "run-1/7", "X-Both": "called", "Authorization": "Bearer abcdefgh", "X-Team": "",
		"X-Token": "configured-token", "Content-Type": "application/json", "User-Agent": "runbook"} {
		if is := got.Header.Get(name); is != want {
			t.Errorf("%s: %q arrived, want %q", name, is, want)
		}
	}
	if body != `{"$ref":"a<b","n":1}` || got.Host != "jobs.example.org" || got.URL.RawQuery != "x=1" || got.Method != "POST" {
		t.Errorf("%s %s at %s arrived with %s", got.Method, got.URL, got.Host, body)
	}
	json, _ := out["json"].(map[string]any)
	if json["id"] != "9007199254740993" || json["ok"] != true || out["status"] != 200.0 || out["truncated"] != false {
		t.Errorf("got %v", out)
	}
	if headers := out["headers"].(map[string]any); headers["x-two"] != "a, b" {
		t.Errorf("headers %v", headers)
	}
}

// TestBounds asks for more than a script is to get.
func TestBounds(t *testing.T) {
	size := 0
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/json" {
			w.Header().Set("Content-Type", "application/vnd.x+json")
			fmt.Fprintf(w, `["%s"]`, strings.Repeat("j", size))
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, strings.Repeat("é", size))
	})
	b := backend(t, nil)
	for _, c := range []struct {
		path      string
		size, len int
		truncated bool
		json      bool
	}{
		{"/", bodyLimit / 2, bodyLimit, false, false},
		{"/", bodyLimit/2 + 1, bodyLimit, true, false},
		{"/json", bodyLimit, bodyLimit, true, true},
		{"/json", jsonLimit, bodyLimit, true, false},
	} {
		size = c.size
		out, err := request(t, b, obj{"url": url + c.path})
		if err != nil {
			t.Fatal(err)
		}
		if body := out["body"].(string); len(body) != c.len || out["truncated"] != c.truncated || (out["json"] != nil) != c.json {
			t.Errorf("%s of %d: %d bytes, truncated %v, json %t; want %+v", c.path, c.size, len(body), out["truncated"], out["json"] != nil, c)
		}
	}
}

// TestStatuses holds the code of each answer against what is known then.
func TestStatuses(t *testing.T) {
	status, calls := 0, atomic.Int64{}
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		calls.Add(1)
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(status)
		fmt.Fprint(w, "the queue\nis full")
	})
	b := backend(t, nil)
	for _, c := range []struct {
		status int
		args   obj
		code   effect.Code
		again  bool
		says   string
	}{
		{404, obj{}, effect.CodeFailed, false, "/x (127.0.0.1:"},
		{429, obj{}, effect.CodeFailed, true, "(Retry-After: 30)"},
		{503, obj{"method": "POST"}, effect.CodeFailed, true, "503 Service Unavailable; it asks to wait (Retry-After: 30): the queue is full"},
		{500, obj{"method": "DELETE"}, effect.CodeFailed, true, ""},
		{504, obj{}, effect.CodeFailed, true, ""},
		{504, obj{"method": "POST"}, effect.CodeUnknown, false, "not known whether the service acted"},
		{502, obj{"method": "PUT"}, effect.CodeUnknown, false, ""},
		{502, obj{"method": "POST", "class": "read"}, effect.CodeFailed, true, ""},
		{204, obj{"ok": []any{200.0}}, effect.CodeFailed, false, "204 No Content"},
		{401, obj{"ok": []any{401.0}}, "", false, ""},
	} {
		status = c.status
		before := calls.Load()
		c.args["url"] = url + "/x"
		out, err := request(t, b, c.args)
		switch {
		case c.code == "" && (err != nil || out["status"] != float64(c.status)):
			t.Errorf("%d %v: %v, %v", c.status, c.args, out, err)
		case c.code != "" && (err == nil || err.Code != c.code || err.Retryable != c.again || !strings.Contains(err.Message, c.says) || err.Hint == ""):
			t.Errorf("%d %v: %v (retryable %v, hint %q), want %s, %q", c.status, c.args, err, err != nil && err.Retryable, err.Hint, c.code, c.says)
		}
		if n := calls.Load() - before; n != 1 {
			t.Errorf("%d %v was sent %d times", c.status, c.args, n)
		}
	}
}

// TestRedirects follows as far as the call says, and takes no secret along to
// another origin.
func TestRedirects(t *testing.T) {
	var seen []string
	note := func(r *nethttp.Request) {
		data, _ := io.ReadAll(r.Body)
		seen = append(seen, fmt.Sprintf("%s %s %q auth=%q type=%q", r.Method, r.URL.Path, data, r.Header.Get("Authorization"), r.Header.Get("Content-Type")))
	}
	other := serve(t, func(_ nethttp.ResponseWriter, r *nethttp.Request) { note(r) })
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		note(r)
		var status int
		var to string
		if n, _ := fmt.Sscanf(r.URL.Path, "/%d/%s", &status, &to); n == 2 {
			if to == "other" {
				to = other + "/there?sig=hush"
			} else {
				to = "/" + to
			}
			w.Header().Set("Location", to)
			w.WriteHeader(status)
		}
	})
	b := backend(t, nil)
	ask := func(method, path string, hops float64) (obj, *effect.Error) {
		seen = nil
		args := obj{"url": url + path, "method": method, "redirects": hops, "secrets": obj{"Authorization": "Bearer abcdefgh"}}
		if method == "POST" {
			args["json"] = obj{"a": 1.0}
		}
		return request(t, b, args)
	}
	const post, get = `POST %s "{\"a\":1}" auth="Bearer abcdefgh" type="application/json"`, `GET %s "" auth="Bearer abcdefgh" type=""`
	for _, c := range []struct {
		method, path string
		hops         float64
		want         []string
		says         string
	}{
		{"GET", "/302/x", 0, []string{fmt.Sprintf(get, "/302/x")}, "redirects = 1 would follow it"},
		{"GET", "/302/x", 1, []string{fmt.Sprintf(get, "/302/x"), fmt.Sprintf(get, "/x")}, ""},
		{"GET", "/302/302/302/x", 1, []string{fmt.Sprintf(get, "/302/302/302/x"), fmt.Sprintf(get, "/302/302/x")}, "after 1 redirects"},
		{"POST", "/307/x", 1, []string{fmt.Sprintf(post, "/307/x"), fmt.Sprintf(post, "/x")}, ""},
		{"POST", "/303/x", 1, []string{fmt.Sprintf(post, "/303/x"), fmt.Sprintf(get, "/x")}, ""},
		{"POST", "/302/x", 5, []string{fmt.Sprintf(post, "/302/x")}, "a POST would become a GET"},
		{"GET", "/302/other", 1, []string{fmt.Sprintf(get, "/302/other"), `GET /there "" auth="" type=""`}, ""},
		{"GET", "/302/other", 0, []string{fmt.Sprintf(get, "/302/other")}, other + "/there?…"},
	} {
		_, err := ask(c.method, c.path, c.hops)
		if strings.Join(seen, "; ") != strings.Join(c.want, "; ") || (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Message, c.says) {
			t.Errorf("%s %s, %v redirects: %v\n%v, want\n%v, %q", c.method, c.path, c.hops, err, seen, c.want, c.says)
		}
		if err != nil && strings.Contains(err.Message, "hush") {
			t.Errorf("the other's token is shown: %v", err)
		}
	}
}

// TestWhatMayBeCalled holds the list of services against URLs that come close.
func TestWhatMayBeCalled(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/api/away" {
			nethttp.Redirect(w, r, "/admin", nethttp.StatusTemporaryRedirect)
		}
	})
	b := backend(t, obj{"only": true, "services": obj{url + "/api": obj{}}})
	for path, allowed := range map[string]bool{"/api": true, "/api/x": true, "/apix": false, "/": false, "/api/../admin": false, "/api/%2e%2e/admin": false} {
		_, err := request(t, b, obj{"url": url + path})
		if allowed != (err == nil) || err != nil && err.Code != effect.CodeRefused {
			t.Errorf("%s: %v, allowed is %t", path, err, allowed)
		}
	}
	_, err := request(t, b, obj{"url": url + "/api/away", "redirects": 3.0})
	if err == nil || err.Code != effect.CodeRefused || !strings.Contains(err.Message, "/admin") {
		t.Errorf("led away: %v", err)
	}
	_, err = request(t, b, obj{"url": url + "/api/away", "redirects": 3.0, "method": "POST"})
	if err == nil || err.Code != effect.CodeUnknown {
		t.Errorf("a POST led away was sent once: %v", err)
	}
}

// TestRefusedArguments are those of which nothing is sent.
func TestRefusedArguments(t *testing.T) {
	url := serve(t, func(_ nethttp.ResponseWriter, r *nethttp.Request) { t.Errorf("%s arrived", r.URL) })
	b := backend(t, nil)
	for _, c := range []struct {
		args obj
		says string
	}{
		{obj{"url": strings.Replace(url, "//", "//ada:hunter22@", 1)}, "a name or a password"},
		{obj{"url": "http:///x"}, "cannot be read"},
		{obj{"url": url, "headers": obj{"A B": "x"}}, `"A B" is no name`},
		{obj{"url": url, "secrets": obj{"X-Token": "hunter22\n"}}, "an end of a line"},
		{obj{"url": url, "headers": obj{"content-length": "1"}}, "is set by the request itself"},
		{obj{"url": url, "key_header": "X-Key", "headers": obj{"x-key": "mine"}}, "both set X-Key"},
	} {
		_, err := request(t, b, c.args)
		if err == nil || err.Code != effect.CodeInvalid || !strings.Contains(err.Message, c.says) || strings.Contains(err.Error()+err.Hint, "hunter22") {
			t.Errorf("%v: %v, want %q", c.args, err, c.says)
		}
	}
}

func TestRefusedConfiguration(t *testing.T) {
	a := newAuthority(t)
	cert, key := a.issue(t, "client")
	for _, c := range []struct {
		config obj
		says   string
	}{
		{obj{"only": true}, "there are no services"},
		{obj{"services": obj{"example.org": obj{}}}, "it is not how a URL begins"},
		{obj{"services": obj{"https://x": obj{"cert": cert}}}, "one of them is missing"},
		{obj{"services": obj{"https://x": obj{"cert": key, "key": cert}}}, "cert " + key},
		{obj{"services": obj{"https://x": obj{"health": "https://y/"}}}, "no URL of this service"},
		{obj{"services": obj{"https://x": obj{"secrets": obj{"X": "hunter22\r\n"}}}}, "an end of a line"},
		{obj{"ca": "/none.pem"}, "/none.pem"},
		{obj{"ca": key}, "no certificate in PEM"},
		{obj{"proxy": "http://me:hunter22@proxy"}, "no URL of a proxy"},
	} {
		_, err := configured(c.config)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%v: %v, want %q", c.config, err, c.says)
		}
	}
}

// TestProxy sends through a proxy, and only when the configuration says so.
func TestProxy(t *testing.T) {
	var through []string
	proxy := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		through = append(through, r.URL.String())
	}))
	t.Cleanup(proxy.Close)
	t.Setenv("HTTP_PROXY", proxy.URL)
	if _, err := request(t, backend(t, nil), obj{"url": "http://service.invalid/a"}); err == nil || err.Code != effect.CodeUnavailable {
		t.Errorf("without a proxy: %v", err)
	}
	if _, err := request(t, backend(t, obj{"proxy": proxy.URL}), obj{"url": "http://service.invalid/a"}); err != nil {
		t.Error(err)
	}
	if len(through) != 1 || through[0] != "http://service.invalid/a" {
		t.Errorf("through the proxy went %v", through)
	}
}

func TestPreviewAndHealth(t *testing.T) {
	up := true
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path != "/health" {
			t.Errorf("%s arrived", r.URL)
		}
		if !up {
			w.WriteHeader(503)
		}
	})
	b := backend(t, obj{"services": obj{url: obj{"health": url + "/health"}}})
	p, err := b.Preview(t.Context(), plugins.Request{Op: "request", Args: obj{"url": url + "/x", "method": "POST", "body": "abc"}})
	if err != nil || p.To != "POST "+url+"/x, 3 bytes" {
		t.Errorf("%+v, %v", p, err)
	}
	if err := b.Health(t.Context()); err != nil {
		t.Error(err)
	}
	up = false
	if err := b.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("health of a service that is down: %v", err)
	}
}
