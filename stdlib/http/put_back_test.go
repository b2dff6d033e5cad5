package http

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestOtherPutBack: a rollback sets what was read, or what nobody had read.
func TestOtherPutBack(t *testing.T) {
	call := func(place effect.Place, method string, body, told obj) effect.Occurrence {
		e := effect.Occurrence{Place: place, Module: "http", Name: "request", Class: effect.Write, Args: obj{"url": "https://flags/x", "method": method}}
		if body != nil {
			e.Args["json"] = body
		}
		if told != nil {
			e.Class, e.Value = effect.Read, obj{"json": told}
		}
		return e
	}
	at := func(n float64) obj { return obj{"percent": n} }
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		finds bool
	}{
		"to nothing":               {[]effect.Occurrence{call("1", "GET", nil, at(20)), call("2", "PUT", at(50), nil), call("r1.1", "PUT", at(0), nil)}, true},
		"to what it was":           {[]effect.Occurrence{call("1", "GET", nil, at(20)), call("2", "PUT", at(50), nil), call("r1.1", "PUT", at(20), nil)}, false},
		"in two tries":             {[]effect.Occurrence{call("1", "GET", nil, at(20)), call("2", "PUT", at(50), nil), call("r1.1", "PUT", at(0), nil), call("r2.1", "PUT", at(20), nil)}, false},
		"never read":               {[]effect.Occurrence{call("2", "PUT", at(50), nil), call("r1.1", "PUT", at(0), nil)}, false},
		"read once changed":        {[]effect.Occurrence{call("1", "PUT", at(50), nil), call("2", "GET", nil, at(50)), call("r1.1", "PUT", at(0), nil)}, false},
		"not changed":              {[]effect.Occurrence{call("1", "GET", nil, at(20)), call("r1.1", "PUT", at(0), nil)}, false},
		"a member of its own":      {[]effect.Occurrence{call("1", "GET", nil, at(20)), call("2", "PUT", obj{"on": true}, nil), call("r1.1", "PUT", obj{"on": false}, nil)}, false},
		"nobody knows what it was": {[]effect.Occurrence{call("1", "GET", nil, obj{"percent": obj{}}), call("2", "PUT", at(50), nil), call("r1.1", "PUT", at(0), nil)}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := otherPutBack(v, effect.Ending{Status: effect.StatusRolledBack}); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
		if got := otherPutBack(v, effect.Ending{Status: effect.StatusSucceeded}); got != "" {
			t.Errorf("%s, of a run that succeeded: %q", name, got)
		}
	}
}
