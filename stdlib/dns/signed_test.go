package dns

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestSignedWhileTold(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	run := func(after time.Duration, argv ...any) effect.Occurrence {
		return effect.Occurrence{Place: effect.Place(after.String()), At: at.Add(after), Module: "exec", Name: "run", Class: effect.Irreversible, Args: obj{"argv": argv}}
	}
	ds := func(after time.Duration) effect.Occurrence {
		return effect.Occurrence{Place: effect.Place(after.String()), At: at.Add(after), Module: "http", Name: "request", Class: effect.Irreversible,
			Args: obj{"method": "DELETE", "url": "https://registrar.example/v1/domains/example.org/ds"}}
	}
	unsign := func(after time.Duration) effect.Occurrence {
		return run(after, "pdnsutil", "disable-dnssec", "example.org")
	}
	asks := run(time.Minute, "dig", "+short", "DS", "example.org")
	asks.Class = effect.Read
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"unsigned first":         {[]effect.Occurrence{unsign(0), ds(time.Minute)}, true},
		"at once":                {[]effect.Occurrence{ds(0), asks, unsign(2 * time.Minute)}, true},
		"by a command":           {[]effect.Occurrence{run(0, "registrar", "remove-ds", "example.org"), unsign(time.Minute)}, true},
		"a day later":            {[]effect.Occurrence{ds(0), unsign(24 * time.Hour)}, false},
		"without a DS":           {[]effect.Occurrence{asks, unsign(2 * time.Minute)}, false},
		"a DS alone":             {[]effect.Occurrence{ds(0)}, false},
		"what is not of the two": {[]effect.Occurrence{run(0, "rm", "-f", "/tmp/ds.txt"), unsign(time.Minute)}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := signedWhileTold(v, c.past[len(c.past)-1]); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	// A run of thousands of commands does not look back at each.
	v := &effect.View{Done: func() []effect.Occurrence { t.Error("the past is walked for what is not about it"); return nil }}
	signedWhileTold(v, run(0, "rm", "-f", "/tmp/x"))
}
