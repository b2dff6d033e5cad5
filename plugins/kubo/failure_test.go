package kubo

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	someCID = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am" // "hello\n"
	secret  = "s3cr3t-token"
)

// stub is a backend whose only node answers as handle does. A real node does
// not go wrong on demand.
func stub(t *testing.T, handle http.HandlerFunc) *Backend {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return at(t, s.URL)
}

func at(t *testing.T, api string) *Backend {
	t.Helper()
	return backend(t, obj{"nodes": obj{"only": obj{"api": api, "token": "Bearer " + secret}}})
}

// everyOp returns a call of each op.
func everyOp(t *testing.T) map[string]obj {
	t.Helper()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "file"), 1, 1000)
	archive := filepath.Join(dir, "file.car")
	if err := os.WriteFile(archive, hello(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]obj{"pins": {}, "providers": {"cid": someCID}, "validate": {"cid": someCID}, "export": {"cid": someCID, "path": filepath.Join(dir, "out.car")},
		"add": {"path": path}, "pin": {"cid": someCID}, "unpin": {"cid": someCID}, "import": {"path": archive}}
}

// hello is a CAR file of one block.
func hello(t *testing.T) []byte {
	t.Helper()
	c, err := parseCID(someCID)
	if err != nil {
		t.Fatal(err)
	}
	// {"roots": [cid], "version": 1}
	header := append([]byte{0xa2, 0x65}, "roots"...)
	header = append(header, 0x81, 0xd8, 42, 0x58, byte(len(c.bytes())+1), 0)
	header = append(append(append(header, c.bytes()...), 0x67), "version"...)
	header = append(header, 1)
	block := append(c.bytes(), "hello\n"...)
	return append(append(append([]byte{byte(len(header))}, header...), byte(len(block))), block...)
}

// writes says whether an op may change something.
func writes(op string) bool { return strings.Contains("add pin unpin import", op) && op != "pins" }

// checkAll calls each op and holds the error against what it has to be for a
// read and for a write.
func checkAll(t *testing.T, b *Backend, timeout string, read, write effect.Code, says string) {
	t.Helper()
	for op, args := range everyOp(t) {
		if op != "unpin" {
			args["timeout"] = timeout
		} else if timeout != "1m" {
			continue
		}
		want := read
		if writes(op) {
			want = write
		}
		v, err := invoke(t, b, op, args)
		if err == nil || err.Code != want || !strings.Contains(err.Message, says) || err.Hint == "" || !strings.Contains(err.Message, "http://127.0.0.1:") {
			t.Errorf("%s: %v, %v (hint %q), want %s, %q", op, v, err, err.Hint, want, says)
			continue
		}
		if strings.Contains(err.Error()+err.Hint, secret) {
			t.Errorf("%s: the token is shown: %v", op, err)
		}
	}
}

func TestGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String()
	_ = l.Close()
	checkAll(t, at(t, gone), "1m", effect.CodeUnavailable, effect.CodeUnavailable, "connection refused; nothing was sent")
	if err := at(t, gone).Health(t.Context()); err == nil {
		t.Error("it is healthy")
	}
}

func TestRefuses(t *testing.T) {
	checkAll(t, stub(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "Kubo RPC Access Denied to "+r.Header.Get("Authorization"), http.StatusForbidden)
	}), "1m", effect.CodeRefused, effect.CodeRefused, "403 Forbidden: Kubo RPC Access Denied")
	checkAll(t, stub(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/"+r.URL.Path, http.StatusFound)
	}),
		"1m", effect.CodeFailed, effect.CodeFailed, "302 Found")
	checkAll(t, stub(t, http.NotFound), "1m", effect.CodeFailed, effect.CodeFailed, "404 Not Found")
	checkAll(t, stub(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }), "1m", effect.CodeUnavailable, effect.CodeUnknown, "502 Bad Gateway")
	// A real node does so too.
	n := startNode(t, "Bearer right")
	b := backend(t, obj{"nodes": obj{"only": obj{"api": n.API, "token": "Bearer wrong-token"}}})
	fails(t, b, "pins", nil, effect.CodeRefused, "API.Authorizations")
	fails(t, b, "pins", obj{"node": "other"}, effect.CodeNotFound, "has: only")
}

func TestSlow(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	b := stub(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	checkAll(t, b, "200ms", effect.CodeTimeout, effect.CodeUnknown, "had not answered within 200ms")
	// Where it began to answer.
	b = stub(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	checkAll(t, b, "200ms", effect.CodeTimeout, effect.CodeUnknown, "had not answered within 200ms")
}

func TestRubbish(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, "<html>It works!</html>")
	}
	checkAll(t, stub(t, page), "1m", effect.CodeFailed, effect.CodeUnknown, "none of Kubo's")
	checkAll(t, stub(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, `{"Cid": "`)
		for range 2 * lineLimit / 1024 {
			fmt.Fprint(w, strings.Repeat("x", 1024))
		}
	}), "1m", effect.CodeFailed, effect.CodeUnknown, "none of Kubo's")
	if err := stub(t, page).Health(t.Context()); err == nil {
		t.Error("it is healthy")
	}
}

// TestEndsEarly breaks answers off in ways that look like their end.
func TestEndsEarly(t *testing.T) {
	// Each op gets a good answer to all commands but the one that matters.
	commands := map[string]string{"pins": "pin/ls", "providers": "routing/findprovs", "validate": "dag/export", "export": "dag/export",
		"add": "add", "pin": "pin/add", "unpin": "pin/rm", "import": "dag/import"}
	good := map[string]string{
		"pin/ls": `{"Cid":"` + someCID + `","Type":"recursive"}` + "\n", "routing/findprovs": `{"Type":4,"Responses":[{"ID":"a","Addrs":[]}]}` + "\n",
		"dag/export": string(hello(t)), "add": `{"Name":"file","Hash":"` + someCID + `","Size":"6"}` + "\n", "pin/add": `{"Pins":["` + someCID + `"]}` + "\n",
		"pin/rm": `{"Pins":["` + someCID + `"]}` + "\n", "dag/import": `{"Root":{"Cid":{"/":"` + someCID + `"},"PinErrorMsg":""}}` + "\n" + `{"Stats":{"BlockCount":1}}` + "\n",
	}
	cut := func(text string) string { return text[:len(text)-3] }
	for name, c := range map[string]struct {
		answer      func(w http.ResponseWriter, body string)
		read, write effect.Code
		says        string
	}{
		"whole, and an error behind it": {func(w http.ResponseWriter, body string) {
			w.Header().Set("Trailer", "X-Stream-Error")
			fmt.Fprint(w, body)
			w.Header().Set("X-Stream-Error", "the disk is full")
		}, "", effect.CodeFailed, "the disk is full"},
		"broken off": {func(w http.ResponseWriter, body string) {
			fmt.Fprint(w, cut(body))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, effect.CodeUnavailable, effect.CodeUnknown, "broke off"},
		"ended within a value": {func(w http.ResponseWriter, body string) { fmt.Fprint(w, cut(body)) }, "", effect.CodeUnknown, ""},
		"nothing":              {func(http.ResponseWriter, string) {}, "", effect.CodeUnknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for op, args := range everyOp(t) {
				var pinned atomic.Bool
				pinned.Store(op == "pins" || op == "unpin")
				b := stub(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					command := strings.TrimPrefix(r.URL.Path, "/api/v0/")
					switch {
					case command == commands[op]:
						if command == "pin/rm" || command == "pin/add" {
							defer pinned.Store(command == "pin/add")
						}
						c.answer(w, good[command])
					case command == "pin/ls" && !pinned.Load():
						w.WriteHeader(http.StatusInternalServerError)
						fmt.Fprintf(w, `{"Message":"path '%s' is not pinned","Code":0,"Type":"error"}`, someCID)
					default:
						fmt.Fprint(w, good[command])
					}
				})
				want := c.read
				if writes(op) {
					want = c.write
				}
				v, err := invoke(t, b, op, args)
				// An empty list of pins, or of providers, is a whole answer;
				// and that a pin is gone is seen in the list.
				whole := name == "nothing" && (op == "pins" || op == "providers") || op == "unpin" && name == "whole, and an error behind it"
				if whole != (err == nil) || err != nil && (want != "" && err.Code != want || !strings.Contains(err.Message, c.says) || err.Hint == "") {
					t.Errorf("%s: %v, %v, want %s, %q", op, v, err, want, c.says)
				}
				if _, err := os.Stat(str(args["path"])); op == "export" && err == nil {
					t.Error("half an export stands under its name")
				}
			}
		})
	}
}

// TestDamagedOnTheWay gets blocks that are damaged, missing, or something
// else from a node that says that all is well.
func TestDamagedOnTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		car  []byte
		says string
	}{
		"damaged":  {[]byte(strings.Replace(string(hello(t)), "hello\n", "hellO\n", 1)), "the block " + someCID + " is damaged: its hash is another"},
		"missing":  {hello(t)[:len(hello(t))-43], "the block " + someCID + " is missing"},
		"too long": {append(hello(t), 0xff, 0xff, 0xff, 0xff, 0x7f), "more than"},
	} {
		b := stub(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(c.car) })
		for _, op := range []string{"validate", "export"} {
			_, err := invoke(t, b, op, everyOp(t)[op])
			if err == nil || !strings.Contains(err.Message, c.says) {
				t.Errorf("%s, %s: %v", name, op, err)
			}
		}
	}
}

// TestPlainHTTPStaysHere refuses to command another machine in plain text.
func TestPlainHTTPStaysHere(t *testing.T) {
	for _, c := range []struct {
		node obj
		says string // "" if it is taken
	}{
		{obj{"api": "http://127.0.0.1:5001"}, ""}, {obj{"api": "http://[::1]:5001/api/v0"}, ""}, {obj{"api": "http://localhost:5001"}, ""},
		{obj{"api": "https://ipfs.example.org"}, ""}, {obj{"api": "http://192.0.2.1:5001", "insecure": true}, ""},
		{obj{"api": "http://192.0.2.1:5001"}, "another machine"}, {obj{"api": "http://ipfs.example.org:5001"}, "another machine"},
		{obj{"api": "http://127.0.0.1.example.org"}, "another machine"}, {obj{"api": "/ip4/127.0.0.1/tcp/5001"}, "no address"},
		{obj{"api": "http://user:pass@127.0.0.1:5001"}, "no address"}, {obj{"api": "http://127.0.0.1:5001", "token": "abcdefgh"}, "no value of the header"},
		{obj{"api": "http://127.0.0.1:5001", "token": "Bearer abc\ndef"}, "no value of the header"}, {obj{"api": "https://x", "ca": "/does/not/exist"}, "no such file"},
	} {
		_, err := configured(obj{"nodes": obj{"n": c.node}})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%v: %v, want %q", c.node, err, c.says)
		}
	}
	// A name that leads elsewhere is found out when it is dialed.
	b := at(t, "http://127.0.0.1:1")
	b.settings.nodes["only"].api.Host = "192.0.2.1:5001"
	fails(t, b, "pins", nil, effect.CodeUnavailable, "another machine")
	_, err := configured(obj{"nodes": obj{"a": obj{"api": "http://127.0.0.1:1"}, "b": obj{"api": "http://127.0.0.1:2"}}})
	if err == nil || !strings.Contains(err.Error(), "which of the nodes") {
		t.Errorf("two nodes, and none is the main one: %v", err)
	}
}
