package http

import (
	"fmt"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestAskedInVain: who asked in a loop has seen that what was accepted was done, but
// not who gave up at the end of the loop and went on.
func TestAskedInVain(t *testing.T) {
	post := effect.Occurrence{Module: "http", Name: "request", Class: effect.Irreversible, Args: obj{"url": "https://search/", "method": "POST"}, Place: "1"}
	run := func(states ...string) []effect.Occurrence {
		list := []effect.Occurrence{post}
		for i, state := range states {
			list = append(list, effect.Occurrence{Module: "http", Name: "request", Class: effect.Read, Args: obj{"url": "https://search/"},
				Place: effect.Place(fmt.Sprint(i + 2)), At: time.Unix(int64(i), 0), Value: obj{"json": obj{"state": state}}})
		}
		return list
	}
	lost := func(string) map[string]any { return obj{"dropped": obj{"POST https://search/": true}} }
	warned := effect.Event{Kind: effect.Logged}
	warned.Body.Name, warned.Body.Text = "warn", "the index is not whole"
	for _, tt := range []struct {
		name   string
		is     []effect.Occurrence
		events []effect.Event
		found  bool
	}{
		{"it was told that it is done", run("running", "running", "done"), nil, false},
		{"it gave up", run("running", "running", "running", "running"), nil, true},
		{"it gave up, and said so", run("running", "running", "running", "running"), []effect.Event{warned}, false},
		{"it never asked", run(), nil, true},
	} {
		v := &effect.View{State: lost, Done: func() []effect.Occurrence { return tt.is }, Usual: run("running", "done")}
		if msg := seenDone(v, effect.Ending{Status: effect.StatusSucceeded, Events: tt.events}); (msg != "") != tt.found {
			t.Errorf("%s: said %q", tt.name, msg)
		}
	}
}
