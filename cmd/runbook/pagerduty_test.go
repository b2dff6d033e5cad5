package main

import (
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/q-ecosystem/runbook/plugins/pagerduty/pagerdutytest"
)

// pager is the sink of a script.
type pager struct {
	*pagerdutytest.Sink
	silent atomic.Bool
}

// pagerduty runs a sink for PagerDuty's APIs for the rest of the script, puts
// its address and keys into $PAGERDUTY, $TOKEN, $ONCALL and $MANAGER, and does
// what people do:
//
//	pagerduty start FILE         FILE gets a line for each event: action, key
//	pagerduty acknowledge SERVICE PERSON    takes on the newest page, once there is one
//	pagerduty silent             events are taken and not answered
//	pagerduty answers
//	pagerduty woken N            fails unless so many were called
func pagerduty(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: pagerduty start|acknowledge|silent|answers|woken …")
	}
	if args[0] == "start" {
		startPagerDuty(ts, ts.MkAbs(args[1]))
		return
	}
	p := ts.Value(pagerKey{}).(*pagerBox).pager
	switch args[0] {
	case "acknowledge":
		deadline := time.Now().Add(patience)
		for {
			var newest string
			pages := p.Pages()
			for key, page := range pages {
				if page.To == args[1] && page.Status == "triggered" && page.Created.After(pages[newest].Created) {
					newest = key
				}
			}
			if newest != "" && p.Acknowledge(newest, args[2]) {
				return
			}
			if time.Now().After(deadline) {
				ts.Fatalf("nobody pages %s", args[1])
			}
			time.Sleep(10 * time.Millisecond)
		}
	case "silent":
		p.silent.Store(true)
	case "answers":
		p.silent.Store(false)
	case "woken":
		if got := p.Woken(); args[1] != string(rune('0'+got)) {
			ts.Fatalf("%d were called, want %s", got, args[1])
		}
	default:
		ts.Fatalf("pagerduty: there is no %s", args[0])
	}
}

// pagerBox is a script's place for its sink.
type pagerBox struct{ pager *pager }

type pagerKey struct{}

func startPagerDuty(ts *testscript.TestScript, file string) {
	book, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	onCall, manager := pagerdutytest.NewService(1, "on-call"), pagerdutytest.NewService(2, "manager")
	sink, stop, err := pagerdutytest.New(onCall, manager)
	ts.Check(err)
	p := &pager{Sink: sink}
	sink.SetAfter(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v2/enqueue" {
			return false
		}
		e := sink.Events()
		last := e[len(e)-1]
		_, _ = book.WriteString(last["event_action"].(string) + " " + last["dedup_key"].(string) + "\n")
		if p.silent.Load() {
			<-r.Context().Done()
			return true
		}
		return false
	})
	ts.Defer(func() {
		stop()
		_ = book.Close()
	})
	ts.Value(pagerKey{}).(*pagerBox).pager = p
	ts.Setenv("PAGERDUTY", sink.URL)
	ts.Setenv("TOKEN", pagerdutytest.Token)
	ts.Setenv("ONCALL", onCall.RoutingKey)
	ts.Setenv("MANAGER", manager.RoutingKey)
}
