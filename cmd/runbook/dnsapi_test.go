package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/q-ecosystem/runbook/plugins/cloudflare/cloudflaretest"
	"github.com/q-ecosystem/runbook/plugins/route53/route53test"
)

// dnsAPI answers as the API of route53 or cloudflare does for the rest of the
// script, with the zone example.org, whose www is 192.0.2.1. It is at $API, and what
// it takes for a key is in $KEY. FILE gets a line for each change that was made; as
// long as FILE.hold is there, nobody gets an answer to a change.
//
//	dnsapi route53 told
func dnsAPI(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: dnsapi route53|cloudflare FILE")
	}
	var service http.Handler
	switch args[0] {
	case "route53":
		service = route53test.New(route53test.Set{Name: "www.example.org.", Type: "A", TTL: 60, Values: route53test.Values("192.0.2.1")})
		ts.Setenv("KEY", route53test.Secret)
	case "cloudflare":
		service = cloudflaretest.New(cloudflaretest.Record{Name: "www.example.org", Type: "A", TTL: 60, Content: "192.0.2.1"})
		ts.Setenv("KEY", cloudflaretest.Token)
	default:
		ts.Fatalf("there is no API of %s", args[0])
	}
	file := ts.MkAbs(args[1])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		service.ServeHTTP(answer, r)
		if r.Method != http.MethodGet && answer.Code == http.StatusOK {
			told, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err == nil {
				fmt.Fprintln(told, r.Method, r.URL.Path)
				_ = told.Close()
			}
			for _, err := os.Stat(file + ".hold"); err == nil; _, err = os.Stat(file + ".hold") {
				time.Sleep(10 * time.Millisecond)
			}
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	ts.Defer(func() {
		_ = os.Remove(file + ".hold")
		server.Close()
	})
	ts.Setenv("API", server.URL)
}
