package model

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// TestOpposite: which calls take back what another did.
func TestOpposite(t *testing.T) {
	p := pairs{"http", func(args map[string]any) string {
		return plain.Str(args, "method") + " " + plain.Str(args, "url") + plain.Str(args, "line")
	}}
	occ := func(method, url, line string) effect.Occurrence {
		args := map[string]any{"line": line}
		if url != "" {
			args["method"], args["url"] = method, url
		}
		return effect.Occurrence{Module: "http", Name: "request", Class: effect.Write, Args: args}
	}
	for _, tt := range []struct {
		name string
		a, b effect.Occurrence
		want bool
	}{
		{"on and off", occ("", "", "page on"), occ("", "", "page off"), true},
		{"two words differ", occ("", "", "page on a"), occ("", "", "page off b"), false},
		{"of another length", occ("", "", "svc stop a"), occ("", "", "svc start a --now"), false},
		{"a silence by what it is about, and by its id", occ("", "", "amtool silence add job=app"), occ("", "", "amtool silence expire 47 -q"), true},
		{"two silences", occ("", "", "amtool silence add job=app"), occ("", "", "amtool silence query"), false},
		{"what was made", occ("POST", "https://a/jobs", ""), occ("DELETE", "https://a/jobs/7", ""), true},
		{"one of many", occ("POST", "https://a/silences", ""), occ("DELETE", "https://a/silence/7", ""), true},
		{"something else", occ("POST", "https://a/silences", ""), occ("DELETE", "https://a/silencer/7", ""), false},
	} {
		if got := p.opposite(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

// TestLasts: what each turn of a loop sets in the end is how the run leaves things.
func TestLasts(t *testing.T) {
	p := pairs{"exec", Command}
	on, off := ran("1", effect.Write, "", "scaler", "on"), ran("2", effect.Write, "", "scaler", "off")
	for name, c := range map[string]struct {
		after []effect.Occurrence
		want  bool
	}{
		"set again":     {[]effect.Occurrence{off, on}, true},
		"taken back":    {[]effect.Occurrence{off}, false},
		"back in a row": {[]effect.Occurrence{off, on, off}, false},
	} {
		if got := p.lasts(c.after, on); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
