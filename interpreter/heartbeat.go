package interpreter

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

const (
	heartbeatEvery = journal.LeaseTTL / 5
	inboxEvery     = 200 * time.Millisecond
)

// heartbeat renews a walk's lease while it is under way, has its inbox read,
// and ends the walk where the lease is lost or somebody wants it to stop.
type heartbeat struct {
	walk *walk
	done chan struct{}
	wake chan struct{} // the inbox is to be read at once
	wg   sync.WaitGroup

	soft   context.Context // ends when no new effect may start
	cancel context.CancelCauseFunc
	hard   context.Context // ends when writes under way have to end as well
	kill   context.CancelCauseFunc
}

// newHeartbeat returns the heartbeat of a walk, not started yet. Stopping ends
// the soft context only; ctx ends everything.
func newHeartbeat(ctx context.Context, k *walk) *heartbeat {
	h := &heartbeat{walk: k, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	h.hard, h.kill = context.WithCancelCause(ctx)
	h.soft, h.cancel = context.WithCancelCause(h.hard)
	return h
}

// start keeps the lease from now on, if there is one.
func (h *heartbeat) start() {
	if h.walk.Stack.Lease == nil {
		return // nobody else writes to the ledger
	}
	if lease, patient := h.walk.Stack.Lease.(interface {
		WhenBusy(ctx context.Context, note func(string))
	}); patient {
		lease.WhenBusy(h.hard, h.walk.note)
	}
	h.wg.Go(h.loop)
}

func (h *heartbeat) close() {
	h.walk.underway.close()
	close(h.done)
	h.wg.Wait()
	h.cancel(nil)
	h.kill(nil)
}

// stop ends the soft context. The first cause counts.
func (h *heartbeat) stop(s *effect.Stop) { h.cancel(s) }

// loop hears Stopping also while a write waits for the journal.
func (h *heartbeat) loop() {
	var writes sync.WaitGroup
	writes.Go(h.beat)
	defer writes.Wait()
	select {
	case <-h.done:
	case <-h.walk.Stack.Stopping:
		h.stop(&effect.Stop{Cause: effect.Interrupted})
	}
}

// beat renews the lease and has the inbox read, until the walk ends.
func (h *heartbeat) beat() {
	beat, inbox := time.NewTicker(heartbeatEvery), time.NewTicker(inboxEvery)
	defer beat.Stop()
	defer inbox.Stop()
	for {
		select {
		case <-h.done:
			return
		case <-beat.C:
			if h.renew() {
				beat.Reset(inboxEvery)
			}
		case <-inbox.C:
			_ = h.walk.inbox.read()
		case <-h.wake:
			_ = h.walk.inbox.read()
		}
	}
}

// wakeUp lets the inbox be read at once.
func (h *heartbeat) wakeUp() {
	select {
	case h.wake <- struct{}{}:
	default: // it is about to
	}
}

// renew extends the lease, and reports whether it is lost. Any other fault
// shows at the next append, or ends the lease.
func (h *heartbeat) renew() (lost bool) {
	var fenced *journal.FencedError
	err := h.walk.Stack.Lease.Renew(h.hard)
	if !errors.As(err, &fenced) {
		h.distrust(err)
		return false
	}
	s := &effect.Stop{Cause: effect.Fenced, Err: err}
	h.stop(s)
	if fenced.Now != fenced.Epoch {
		// Another runner asks by now what became of the writes that are under
		// way: none of them may be applied behind its back.
		h.kill(s)
	}
	return true
}

// distrust stops a run whose record is not what it has written, or is gone: it
// may be waiting, and append nothing for days.
func (h *heartbeat) distrust(err error) {
	if errors.Is(err, journal.ErrCorrupt) || errors.Is(err, journal.ErrGone) {
		h.stop(&effect.Stop{Cause: effect.Unwritable, Err: err})
	}
}
