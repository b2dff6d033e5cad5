package operate

import (
	"context"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// stream prints a run's events as JSON lines while it goes on: those of the
// record, once they are in it, as `runbook log --json` prints them. Between them
// it tells of effects under way.
type stream struct {
	s   *session
	ctx context.Context

	mu   sync.Mutex // of the tree as well
	run  string     // whose events were seen
	seen int64

	wake chan struct{}
	done chan struct{}
	wg   sync.WaitGroup
}

// newStream returns a stream of what follows the session's record.
func newStream(ctx context.Context, s *session) *stream {
	w := &stream{s: s, ctx: context.WithoutCancel(ctx), wake: make(chan struct{}, 1), done: make(chan struct{})}
	if s.run != "" && !s.afresh && s.verified != nil {
		if past := s.verified.Events(); len(past) > 0 {
			w.run, w.seen = s.run, past[len(past)-1].Seq
		}
	}
	w.wg.Go(w.pump)
	return w
}

// pump prints what is recorded while no effect begins, which prints it by itself.
func (w *stream) pump() {
	for {
		select {
		case <-w.done:
			return
		case <-w.wake:
			w.print()
		}
	}
}

// close prints what is left.
func (w *stream) close() {
	close(w.done)
	w.wg.Wait()
	w.print()
}

// print prints the events that were not printed yet, and then a line of its own.
func (w *stream) print(lines ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.s.run != w.run { // it has just begun
		w.run, w.seen = w.s.run, 0
	}
	if w.run != "" {
		events, err := w.s.db.Events(w.ctx, w.run, w.seen)
		if err != nil {
			lines = append(lines, callLine{Type: "note", Run: w.run, At: time.Now().UTC(), Text: "read the record: " + err.Error()})
		}
		for _, ev := range events {
			w.seen = ev.Seq
			w.s.tree.Skip(ev) // it knows in which step a run failed
			w.s.app.JSONEvent(w.run, ev)
		}
	}
	for _, line := range lines {
		w.s.app.JSONLine(line)
	}
}

// Recorded lets the event be printed. It may not be on disk yet.
func (w *stream) Recorded(effect.Event) {
	select {
	case w.wake <- struct{}{}:
	default: // it is about to
	}
}

// Started tells of a call that is about to leave.
func (w *stream) Started(call effect.Call) {
	w.print(callLine{Type: "started", Run: w.s.run, At: time.Now().UTC(), Place: call.Place, Op: call.Op.String()})
}

// Note tells what the run waits for.
func (w *stream) Note(line string) {
	w.s.app.JSONLine(callLine{Type: "note", Run: w.s.run, At: time.Now().UTC(), Text: line})
}

// Progress tells of a line of a call under way.
func (w *stream) Progress(call effect.Call, line string) {
	w.s.app.JSONLine(callLine{Type: "progress", Run: w.s.run, At: time.Now().UTC(), Place: call.Place, Op: call.Op.String(), Text: line})
}
