package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// service runs an HTTP service for the rest of the script and puts its address
// into $SERVICE. It writes each request into a file before it answers: method,
// path, the header Idempotency-Key or Webhook-Id. Below /slow it answers once a
// file called go is there; below /fail with 500.
//
//	service requests
func service(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: service FILE")
	}
	book, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	goOn, ended := ts.MkAbs("go"), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(book, "%s %s key=%s\n", r.Method, r.URL.Path, r.Header.Get("Idempotency-Key")+r.Header.Get("Webhook-Id"))
		for deadline := time.Now().Add(patience); r.URL.Path == "/slow" && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if _, err := os.Stat(goOn); err == nil {
				break
			}
			select {
			case <-ended:
				return
			case <-r.Context().Done(): // whoever asked is gone
				return
			default:
			}
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/fail" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprintf(w, `{"path":%q}`, r.URL.Path)
	}))
	ts.Defer(func() {
		close(ended)
		server.Close()
		_ = book.Close()
	})
	ts.Setenv("SERVICE", server.URL)
}
