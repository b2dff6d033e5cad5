package dns

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func madeSet(place effect.Place, at time.Time, name string, from any) effect.Occurrence {
	return effect.Occurrence{Place: place, At: at, Module: "dns", Name: "set", Class: effect.Write, Args: obj{"name": name, "type": "TXT"},
		Changes: []effect.Change{{Module: "dns", Path: []string{"zones", "example.org", name + " TXT", "values", "1"}, From: from, To: "x"}}}
}

func TestSignedFirst(t *testing.T) {
	at := time.Unix(0, 0)
	use := effect.Occurrence{Place: "1", Module: "http", Name: "request", Class: effect.Write, Args: obj{"method": "PUT", "url": "https://mail/domains/example.org", "json": obj{"selector": "s2"}}}
	run := func(argv ...any) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": argv}}
	}
	for name, c := range map[string]struct {
		before effect.Occurrence
		from   any
		finds  bool
	}{
		"a request":             {use, nil, true},
		"a command":             {run("mailctl", "sign", "--selector=s2"), nil, true},
		"it was there":          {use, "old", false},
		"another key":           {run("mailctl", "sign", "--selector=s21"), nil, false},
		"the key is made":       {run("opendkim-genkey", "--selector=s2"), nil, false},
		"the key is made, too":  {run("./dkim.sh", "generate", "--selector", "s2"), nil, false},
		"nothing to do with it": {run("mailctl", "queue", "flush"), nil, false},
	} {
		past := []effect.Occurrence{c.before, madeSet("2", at, "s2._domainkey.example.org", c.from)}
		v := &effect.View{Done: func() []effect.Occurrence { return past }}
		if got := signedFirst(v, past[1]); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAnsweredEarly(t *testing.T) {
	at := time.Unix(0, 0)
	post := func(after time.Duration) effect.Occurrence {
		return effect.Occurrence{Place: "9", At: at.Add(after), Module: "http", Name: "request", Class: effect.Write, Args: obj{"method": "POST", "url": "https://acme/orders/1/validate"}}
	}
	set := madeSet("1", at, "_acme-challenge.example.org", nil)
	seen := effect.Occurrence{Place: "2", At: at, Module: "dns", Name: "records", Class: effect.Read, Args: obj{"resolver": "authoritative"}}
	other := madeSet("1", at, "www.example.org", nil)
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		finds bool
	}{
		"at once":          {[]effect.Occurrence{set, post(time.Second)}, true},
		"once it was seen": {[]effect.Occurrence{set, seen, post(time.Second)}, false},
		"after a while":    {[]effect.Occurrence{set, post(time.Minute)}, false},
		"another record":   {[]effect.Occurrence{other, post(time.Second)}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := answeredEarly(v, c.past[len(c.past)-1]); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}
