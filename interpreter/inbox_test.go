package interpreter

import (
	"context"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// gossip is a lease that tells again what stands in the history.
type gossip struct {
	Lease
	events []effect.Event
}

func (g *gossip) Inbox(context.Context) ([]effect.Event, error) { return g.events, nil }

// TestMessagesOfThePast: what was sent between taking a run up and reading it
// comes twice, and must not end the rollback that it asked for.
func TestMessagesOfThePast(t *testing.T) {
	asked := effect.Event{Seq: 7, Kind: effect.RollbackRequested}
	k := newWalk(Walk{History: []effect.Event{asked}, Stack: Stack{Lease: &gossip{events: []effect.Event{asked}}}})
	k.control = newControl(k.Walk, history.Of(nil))
	k.heartbeat, k.inbox = newHeartbeat(t.Context(), k), &inbox{walk: k}
	defer k.heartbeat.close()
	if err := k.inbox.read(); err != nil {
		t.Fatal(err)
	}
	if k.inbox.rollbackAsked() {
		t.Error("what the history holds is taken for something new")
	}
	k.Stack.Lease = &gossip{events: []effect.Event{{Seq: 8, Kind: effect.RollbackRequested}}}
	if err := k.inbox.read(); err != nil {
		t.Fatal(err)
	}
	if !k.inbox.rollbackAsked() {
		t.Error("what is new is not read")
	}
}
