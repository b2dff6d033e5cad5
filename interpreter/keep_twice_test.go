package interpreter

import (
	"context"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// gossip is a ledger that tells again what stands in the history.
type gossip struct {
	ledger
	events []effect.Event
}

func (g *gossip) News(context.Context) ([]effect.Event, error) { return g.events, nil }

// TestNewsOfThePast: what was posted between taking a run up and reading it
// comes twice, and must not end the rollback that it asked for.
func TestNewsOfThePast(t *testing.T) {
	asked := effect.Event{Seq: 7, Kind: effect.RollbackRequested}
	k := &walk{opts: Options{Watch: nobody{}}, writer: &gossip{events: []effect.Event{asked}}, history: []effect.Event{asked}}
	k.control = newControl(k.opts, k.history)
	k.sim = &simulated{} // no goroutine
	p := keep(t.Context(), k)
	defer p.close()
	p.read()
	if p.rollbackAsked() || p.context().Err() != nil {
		t.Error("what the history holds is taken for news")
	}
	k.writer = &gossip{events: []effect.Event{{Seq: 8, Kind: effect.RollbackRequested}}}
	p.read()
	if !p.rollbackAsked() {
		t.Error("news is not heard")
	}
}
