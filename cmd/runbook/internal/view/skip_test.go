package view

import (
	"reflect"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestSkip: a tree that was told of a past goes on as one that has printed it.
func TestSkip(t *testing.T) {
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	event := func(kind effect.Kind, place effect.Place, b effect.Body) effect.Event {
		at = at.Add(time.Second)
		return effect.Event{At: at, Kind: kind, Place: place, Body: b}
	}
	write := effect.Body{Op: "traffic.split", Class: effect.Write, Args: []byte(`{"green":10}`)}
	failed := &effect.Error{Code: effect.CodeFailed, Message: "no"}
	past := []effect.Event{
		event(effect.StepEntered, "~1", effect.Body{Name: "one"}),
		event(effect.EffectIntended, "1", write),
		event(effect.EffectDone, "1", effect.Body{Op: "traffic.split", Class: effect.Write}),
		event(effect.EffectDone, "2", effect.Body{Op: effect.OpNow, Class: effect.Value, Value: []byte("1")}),
		event(effect.Logged, "~2", effect.Body{Name: "info", Text: "hello"}),
		event(effect.CheckpointReached, "3.a~1", effect.Body{Name: "half"}),
		event(effect.StepLeft, "~3", effect.Body{Name: "one", Error: failed}),
		event(effect.StepEntered, "~4", effect.Body{Name: "two"}),
		event(effect.EffectIntended, "4", write),
		event(effect.EffectObserved, "4", effect.Body{Op: "traffic.split", Outcome: "unknown"}),
	}
	catalog, err := effect.NewCatalog(effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	skipped, printed := &Tree{Catalog: catalog}, &Tree{Catalog: catalog}
	for _, ev := range past {
		skipped.Skip(ev)
		printed.Lines(ev)
		if !reflect.DeepEqual(skipped, printed) {
			t.Fatalf("behind %s at %s:\n%+v\nwant:\n%+v", ev.Kind, ev.Place, skipped, printed)
		}
	}
	next := event(effect.EffectDone, "4", effect.Body{Op: "traffic.split", Class: effect.Write})
	if got, want := skipped.Lines(next), printed.Lines(next); !reflect.DeepEqual(got, want) || len(got) != 1 {
		t.Errorf("goes on with %q, want %q", got, want)
	}
}
