package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/q-ecosystem/runbook/plugins/statuspage/statuspagetest"
)

// statusPage runs a server for Statuspage's API for the rest of the script, and puts
// its address and token into $STATUSPAGE and $PAGE_TOKEN. FILE gets a line for each
// request that changed something:
//
//	statuspage FILE
func statusPage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: statuspage FILE")
	}
	const page, token = "kctbh9vrtdwd", "a-key-of-the-scripts"
	book, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	s, stop, err := statuspagetest.New(statuspagetest.Page{ID: page, Token: token, Components: []string{"API", "Website"}})
	ts.Check(err)
	s.SetAfter(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			var all []string
			for _, i := range s.Incidents(page) {
				last := i.Updates[len(i.Updates)-1]
				all = append(all, fmt.Sprintf("%s %d %s: %s", i.Name, len(i.Updates), last.Status, last.Text))
			}
			fmt.Fprintf(book, "%s; API %s\n", strings.Join(all, ", "), s.States(page)["API"])
		}
		return false
	})
	ts.Defer(func() {
		stop()
		_ = book.Close()
	})
	ts.Setenv("STATUSPAGE", s.URL)
	ts.Setenv("PAGE_TOKEN", token)
}
