package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

func TestPublishModel(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"components": obj{"customers": []any{"API", "Website"}}, "down": []any{"gone"}})
	opened := r.Must("publish", obj{"to": "customers", "title": "Errors", "text": "We look into it.", "components": obj{"API": "partial_outage"}})
	key := opened["key"].(string)
	modeltest.Is(t, "opened", opened, obj{"key": key, "status": "investigating", "opened": true})
	if again, err := r.Again("publish", obj{"to": "customers", "title": "Errors", "text": "We look into it."}); err != nil || again["key"] != key {
		t.Errorf("published twice: %v, %v", again, err)
	}
	modeltest.Is(t, "its texts", modeltest.At(r.State(), "status_pages", "customers", "incidents", key, "texts"), []any{"We look into it."})
	modeltest.Is(t, "a component", modeltest.At(r.State(), "status_pages", "customers", "components"), obj{"API": "partial_outage", "Website": "operational"})
	modeltest.Is(t, "unchanged", r.Must("publish", obj{"to": "customers", "key": key, "text": "Still."}), obj{"key": key, "status": "investigating", "opened": false})
	modeltest.Is(t, "a title of an open one", r.Must("publish", obj{"to": "customers", "key": key, "title": "Other", "text": "Found.", "status": "identified"})["opened"], false)
	modeltest.Is(t, "its title", modeltest.At(r.State(), "status_pages", "customers", "incidents", key, "title"), "Errors")
	r.Fails("publish", obj{"to": "customers", "key": "other", "text": "x"}, effect.CodeNotFound)
	r.Fails("publish", obj{"to": "elsewhere", "key": key, "text": "x"}, effect.CodeNotFound)
	r.Fails("publish", obj{"to": "customers", "key": key, "text": "x", "components": obj{"Ap": "operational"}}, effect.CodeNotFound)
	r.Fails("publish", obj{"to": "gone", "title": "x", "text": "x"}, effect.CodeUnavailable)
	r.Must("publish", obj{"to": "customers", "key": key, "text": "Over.", "status": "resolved"})
	modeltest.Is(t, "a word afterwards", r.Must("publish", obj{"to": "customers", "key": key, "text": "Thanks."})["status"], "resolved")
	r.Fails("publish", obj{"to": "customers", "key": key, "text": "No.", "status": "monitoring"}, effect.CodeConflict)
	modeltest.Is(t, "a new one", r.Must("publish", obj{"to": "customers", "key": key, "title": "Again", "text": "x"})["opened"], true)
	modeltest.Is(t, "any component", r.Must("publish", obj{"to": "partners", "title": "x", "text": "x", "components": obj{"any": "major_outage"}})["opened"], true)
}

func TestPublishNamesOne(t *testing.T) {
	op := publish()
	if _, err := op.Check(obj{"to": "customers", "text": "x"}); err == nil || !strings.Contains(err.Error(), "neither opens an incident nor names one") {
		t.Errorf("%v", err)
	}
}

// TestStatusPageSaysHowItIs breaks both invariants, and does what they want.
func TestStatusPageSaysHowItIs(t *testing.T) {
	r := modeltest.New(t, Module(), obj{})
	var past []effect.Occurrence
	do := func(args obj) effect.Occurrence {
		e := effect.Occurrence{Module: "notify", Name: "publish", Class: effect.Write, Tells: true, Args: args, Value: r.Must("publish", args)}
		past = append(past, e)
		return e
	}
	v := &effect.View{State: func(string) map[string]any { return r.State() }, Done: func() []effect.Occurrence { return past }}
	end := func(status effect.Status) string { return closedInTheEnd(v, effect.Ending{Status: status}) }
	do(obj{"to": "customers", "title": "Errors", "key": "k", "text": "x", "components": obj{"API": "major_outage"}})
	if got := end(effect.StatusSucceeded); got != "" {
		t.Errorf("a run that only tells: %s", got)
	}
	past = append(past, effect.Occurrence{Module: "traffic", Name: "switch", Class: effect.Write})
	for status, want := range map[effect.Status]string{effect.StatusSucceeded: `opened "Errors", the run succeeded, and customers still read that it is investigating`,
		effect.StatusRolledBack: "the run was rolled back, and customers still read", effect.StatusFailed: ""} {
		if got := end(status); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s, left open: %q, want %q", status, got, want)
		}
	}
	if got := wholeWhenResolved(v, do(obj{"to": "customers", "key": "k", "text": "x", "status": "resolved"})); !strings.Contains(got,
		`resolved "Errors", and the status page still shows API as major_outage`) {
		t.Errorf("resolved with a broken part: %q", got)
	}
	if got := wholeWhenResolved(v, do(obj{"to": "customers", "key": "k", "text": "x", "components": obj{"API": "operational"}})) + end(effect.StatusSucceeded); got != "" {
		t.Errorf("resolved as a whole: %s", got)
	}
}

func TestResolvedWhileIll(t *testing.T) {
	r := modeltest.New(t, Module(), obj{})
	ill := time.Unix(100, 0)
	look := func(env string, at int64, err *effect.Error) effect.Occurrence {
		return effect.Occurrence{Place: "1", At: time.Unix(at, 0), Module: "health", Name: "check", Class: effect.Read, Args: obj{"env": env}, Err: err}
	}
	bad := effect.Errorf(effect.CodeUnhealthy, "search is not healthy")
	publish := func(status string) effect.Occurrence {
		args := obj{"to": "customers", "title": "Slow", "key": "k", "text": "x", "status": status}
		return effect.Occurrence{Place: "r1.1.1", At: time.Unix(300, 0), Module: "notify", Name: "publish", Class: effect.Write, Tells: true, Args: args, Value: r.Must("publish", args)}
	}
	for name, c := range map[string]struct {
		status string
		past   []effect.Occurrence
		want   bool
	}{
		"seen to be ill":         {"resolved", []effect.Occurrence{look("search", 200, bad)}, true},
		"nobody has looked":      {"resolved", nil, false},
		"looked at before that":  {"resolved", []effect.Occurrence{look("search", 50, nil)}, false},
		"well again":             {"resolved", []effect.Occurrence{look("search", 200, bad), look("search", 250, nil)}, false},
		"another is well":        {"resolved", []effect.Occurrence{look("search", 200, bad), look("shop", 250, nil)}, false},
		"it is still looked for": {"identified", []effect.Occurrence{look("search", 200, bad)}, false},
	} {
		e := publish(c.status)
		v := &effect.View{State: func(string) map[string]any { return r.State() }, Bad: map[string]time.Time{"search": ill}, Done: func() []effect.Occurrence { return append(c.past, e) }}
		if got := resolvedWhileIll(v, e); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
