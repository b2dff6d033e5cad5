package pagerduty

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/pagerduty/pagerdutytest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

// TestModelDoesWhatTheSinkDoes walks the backend before the sink and the model
// of the module at random, and holds what they say against each other. In both
// worlds people answer as the scenario has it.
func TestModelDoesWhatTheSinkDoes(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall, manager)
	now := time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)
	sink.Now = func() time.Time { return now }
	b, model := backend(t, config(sink.URL)), stdlib.Models()["notify"]
	after := 5 * time.Minute
	if err := model.Load(obj{"answers": obj{"on-call": obj{"never": true}, "manager": obj{"after": "5m", "by": "Ann"}}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(7, 1))
	seen := map[string]int{}
	answered := map[string]time.Time{} // by key, when the page began that was answered
	const steps = 500
	for i := range steps {
		later := now.Add(time.Duration(random.IntN(180)) * time.Second)
		for key, p := range sink.Pages() {
			if due := p.Created.Add(after); p.To == "manager" && !due.After(later) && !answered[key].Equal(p.Created) {
				now, answered[key] = due, p.Created
				sink.Acknowledge(key, "Ann")
			}
		}
		now = later
		to := []string{"on-call", "manager"}[random.IntN(2)]
		key, call := fmt.Sprintf("%s-%d", to, random.IntN(4)), fmt.Sprintf("effect-%d", i)
		op, args := []string{"page", "acknowledged", "acknowledged", "update"}[random.IntN(4)], obj{"to": to, "key": key}
		switch op {
		case "page":
			args["text"], args["severity"] = fmt.Sprintf("trouble %d", i), []string{"critical", "warning"}[random.IntN(2)]
			if random.IntN(4) == 0 {
				delete(args, "key")
			}
		case "update":
			if status := []string{"", "acknowledged", "resolved"}[random.IntN(3)]; status != "" {
				args["status"] = status
			}
			if args["status"] == nil || random.IntN(2) == 0 {
				args["text"] = fmt.Sprintf("news %d", i)
			}
		}
		if op != "page" && random.IntN(10) == 0 { // the page of somebody else
			args["to"] = map[string]string{"on-call": "manager", "manager": "on-call"}[to]
		}
		real, realErr := invoke(t, b, call, op, args)
		moment := effect.Moment{Now: now, Key: call, World: func(string) map[string]any { return nil }}
		modeled, err := model.Do(moment, op, checked(t, op, args))
		modelErr := effect.AsError(err)
		if realErr != nil || modelErr != nil {
			if realErr == nil || modelErr == nil || realErr.Code != modelErr.Code {
				t.Fatalf("step %d, %s %v:\nthe sink gives %v, %v\nthe model      %v, %v", i, op, args, real, realErr, modeled, modelErr)
			}
			seen[op+" "+string(realErr.Code)]++
			continue
		}
		if !reflect.DeepEqual(real, modeled) {
			t.Fatalf("step %d, %s %v:\nthe sink gives %v\nthe model      %v", i, op, args, real, modeled)
		}
		if real["by"] != nil {
			seen["by"]++
		}
		seen[op+" "+real["status"].(string)]++
		if kept, pages := sinkPages(sink), model.State(moment)["pages"]; pages != nil && !reflect.DeepEqual(kept, withoutBy(pages.(obj))) {
			t.Fatalf("step %d, %s %v:\nthe sink keeps %v\nthe model      %v", i, op, args, kept, pages)
		}
	}
	for _, what := range []string{"page triggered", "page acknowledged", "acknowledged triggered", "acknowledged acknowledged", "acknowledged resolved",
		"acknowledged not_found", "update not_found", "update triggered", "update acknowledged", "update resolved", "by"} {
		if seen[what] < steps/100 {
			t.Errorf("%s came %d times in %d steps: the walk shows too little (%v)", what, seen[what], steps, seen)
		}
	}
	plugintest.Compared(t, "pagerduty", events, steps)
}

// sinkPages returns the sink's pages in the form of the model's state.
func sinkPages(s *pagerdutytest.Sink) obj {
	out := obj{}
	for key, p := range s.Pages() {
		page := obj{"to": p.To, "text": p.Text, "severity": p.Severity, "status": p.Status}
		var notes []any
		for _, text := range p.Said {
			text, _, _ = strings.Cut(text, "\n\n[runbook ")
			notes = append(notes, text)
		}
		if notes != nil {
			page["notes"] = notes
		}
		out[key] = page
	}
	return out
}

// withoutBy leaves out who answered, which only acknowledged tells.
func withoutBy(pages obj) obj {
	out := obj{}
	for key, v := range pages {
		page := maps.Clone(v.(obj))
		delete(page, "by")
		delete(page, "never") // what the model assumes of people, not of the service
		out[key] = page
	}
	return out
}
