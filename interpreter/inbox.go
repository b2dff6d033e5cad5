package interpreter

import (
	"errors"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// inbox brings a walk what others send to its run while it is under way:
// answers, a cancellation, a request to roll back.
type inbox struct {
	walk    *walk
	reading sync.Mutex // held while messages are read and acted on

	mu       sync.Mutex
	recorder *replay.Recorder // once there is one
	rollback bool             // one was asked for that has not begun
	rolling  bool
}

// cuts lets a request to roll back cut the main chunk.
func (in *inbox) cuts(r *replay.Recorder) {
	in.mu.Lock()
	in.recorder = r
	asked := in.rollback
	in.mu.Unlock()
	if asked {
		r.Cut()
	}
}

// rollbackWanted takes note that a rollback was asked for. One that is under
// way is what was asked for: nobody may ask for another.
func (in *inbox) rollbackWanted(ev effect.Event) {
	in.mu.Lock()
	if in.rolling {
		in.mu.Unlock()
		return
	}
	in.rollback = true
	r := in.recorder
	in.mu.Unlock()
	if r != nil {
		r.Cut()
	}
	in.walk.underway.end(wanted(ev), graceOf(ev))
}

// wanted says who has asked for a rollback.
func wanted(ev effect.Event) string {
	return "rollback asked for by " + ev.Body.By + because(ev.Body.Reason)
}

func (in *inbox) rollbackAsked() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.rollback
}

// rollbackBegun says that the record has the rollback's beginning: a request
// that stands before it is carried out, whenever it is read.
func (in *inbox) rollbackBegun() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.rollback, in.rolling = false, true
	in.walk.underway.carriedOut()
}

// latest reads what others had sent by now: whoever is about to send in this
// instant does so with a later time.
func (in *inbox) latest() {
	if in.walk.Stack.Lease == nil {
		return
	}
	in.walk.heartbeat.renew() // a write, for which others have to be done with theirs
	_ = in.read()
}

// conclude records how the walk ends, unless there is a message that was not
// read yet: then that is acted on instead, and the error is journal.ErrUnread.
func (in *inbox) conclude(record func() error) error {
	in.reading.Lock()
	defer in.reading.Unlock()
	err := record()
	if !errors.Is(err, journal.ErrUnread) {
		return err
	}
	if failed := in.receive(); failed != nil {
		return failed
	}
	return err
}

// read acts on what others sent since the last time. A fault is not for the
// caller: the next append meets it and says so.
func (in *inbox) read() error {
	in.reading.Lock()
	defer in.reading.Unlock()
	return in.receive()
}

// receive is read for who holds reading.
func (in *inbox) receive() error {
	k := in.walk
	events, err := k.Stack.Lease.Inbox(k.heartbeat.hard)
	if err != nil {
		k.heartbeat.distrust(err)
		return err
	}
	var past int64 // what was sent while the run was taken up comes twice
	if n := len(k.History); n > 0 {
		past = k.History[n-1].Seq
	}
	for _, ev := range events {
		if ev.Seq <= past {
			continue
		}
		k.Stack.Watch.Recorded(ev)
		switch ev.Kind {
		case effect.QuestionAnswered:
			k.control.answered(ev)
		case effect.CancelRequested:
			k.heartbeat.stop(canceled(ev))
			k.underway.end(canceled(ev).Error(), graceOf(ev))
		case effect.RollbackRequested:
			in.rollbackWanted(ev)
		}
	}
	return nil
}
