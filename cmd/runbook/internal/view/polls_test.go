package view

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestPolls: what a composite, or a loop, asks again and again is told at first, when
// it changes, and more and more rarely; a finished run is shown whole.
func TestPolls(t *testing.T) {
	catalog, err := effect.NewCatalog(effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	wait := func(tree *Tree, at effect.Place, where effect.Position) string {
		now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.Local)
		var lines []string
		n := 0
		tell := func(kind effect.Kind, b effect.Body) {
			b.Where = where
			lines = append(lines, tree.Lines(effect.Event{At: now, Kind: kind, Place: at.Effect(n), Body: b})...)
		}
		for i := range 900 { // a quarter of an hour
			target, failed := `{"url":"https://a"}`, (*effect.Error)(nil)
			if i >= 600 {
				failed = &effect.Error{Code: effect.CodeUnavailable, Message: "it is down"}
			}
			n++
			tell(effect.EffectDone, effect.Body{Op: "http.request", Class: effect.Read, Args: []byte(target), Error: failed})
			n++
			tell(effect.TimerSet, effect.Body{Op: effect.OpSleep, Args: []byte(`{"duration":1,"reason":"until it answers"}`)})
			now = now.Add(time.Second)
			tell(effect.EffectDone, effect.Body{Op: effect.OpSleep})
		}
		n++
		tell(effect.EffectDone, effect.Body{Op: "traffic.split", Class: effect.Write, Args: []byte(`{"green":1}`)})
		tell(effect.EffectDone, effect.Body{Op: "traffic.split", Class: effect.Write, Args: []byte(`{"green":1}`)})
		return strings.Join(lines, "\n")
	}
	live := wait(&Tree{Catalog: catalog}, "4", effect.Position{File: "a.lua", Line: 7})
	for text, want := range map[string]int{"✓ http.request": 5, "✗ http.request": 4, "⏲": 5, "until it answers": 5, "✓ traffic.split": 2,
		"03:00:00  ✓ http.request": 1, "61 times since 03:00:00": 1, "121 times since 03:00:00": 1, "03:10:00  ✗ http.request": 1} {
		if got := strings.Count(live, text); got != want {
			t.Errorf("%q stands there %d times, want %d", text, got, want)
		}
	}
	if t.Failed() {
		t.Log(live)
	}
	loop := wait(&Tree{Catalog: catalog}, "", effect.Position{File: "a.lua", Line: 7})
	if got := strings.Count(loop, "http.request"); got != 11 { // twice each time before it is taken for a loop
		t.Errorf("of a loop of the script %d lines are shown, want 11:\n%s", got, loop)
	}
	whole := wait(&Tree{Catalog: catalog, Verbose: true}, "4", effect.Position{})
	if got := strings.Count(whole, "http.request"); got != 900 {
		t.Errorf("of a finished run %d of 900 are shown", got)
	}
}

// TestPollsThatChange: what comes out otherwise, what waits longer, and what is asked
// anew elsewhere or after a change is told.
func TestPollsThatChange(t *testing.T) {
	catalog, err := effect.NewCatalog(effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.Local)
	here := effect.Position{File: "a.lua", Line: 7}
	n := 0
	tree := &Tree{Catalog: catalog}
	tell := func(kind effect.Kind, b effect.Body) int {
		t.Helper()
		at, n = at.Add(time.Second), n+1
		return len(tree.Lines(effect.Event{At: at, Kind: kind, Place: effect.Place("").Effect(n), Body: b}))
	}
	read := func(why string) int {
		t.Helper()
		b := effect.Body{Op: "http.request", Class: effect.Read, Args: []byte(`{"url":"https://a"}`), Where: here}
		if why != "" {
			b.Error = &effect.Error{Code: effect.CodeUnavailable, Message: why}
		}
		return tell(effect.EffectDone, b)
	}
	sleep := func(args string) int {
		t.Helper()
		return tell(effect.TimerSet, effect.Body{Op: effect.OpSleep, Class: effect.Write, Args: []byte(args), Where: here})
	}
	write := effect.Body{Op: "traffic.split", Class: effect.Write, Args: []byte(`{"green":1}`), Where: here}
	got := []int{
		read(""), read(""), read(""), // a loop
		read("down after 12ms"), read("down after 7ms"), read("down after 1.5s"), // how long it took is no news
		read(""), read(""), read(""),
		sleep(`{"duration":1}`), sleep(`{"duration":1}`), sleep(`{"duration":1}`), sleep(`{"duration":7200}`),
		tell(effect.EffectDone, write), read(""),
		tell(effect.StepEntered, effect.Body{Name: "next"}), read(""),
	}
	want := []int{1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1}
	if !slices.Equal(got, want) {
		t.Errorf("lines: %v, want %v", got, want)
	}
}
