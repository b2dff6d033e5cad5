package simulate

import (
	"context"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Timeline is a virtual clock. It stands still while a script computes, and
// jumps to the next thing that is due once every branch of the script waits.
type Timeline struct {
	mu      sync.Mutex
	now     time.Time
	waiting []*waiter
	away    int // branches that wait for an effect while none computes; 0: some computes
	halted  error
}

type waiter struct {
	due   time.Time
	place effect.Place
	ready chan error
}

// NewTimeline returns a clock that shows start.
func NewTimeline(start time.Time) *Timeline { return &Timeline{now: start} }

// Now returns the virtual time.
func (t *Timeline) Now() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// Wait blocks until the virtual time is until. It returns the context's error,
// or what Halt was given.
func (t *Timeline) Wait(ctx context.Context, until time.Time) error {
	w := &waiter{due: until, place: placeOf(ctx), ready: make(chan error, 1)}
	t.mu.Lock()
	if t.halted != nil {
		defer t.mu.Unlock()
		return t.halted
	}
	t.waiting = append(t.waiting, w)
	t.advance()
	t.mu.Unlock()
	select {
	case err := <-w.ready:
		return err
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		for i := range t.waiting {
			if t.waiting[i] == w {
				t.waiting = append(t.waiting[:i], t.waiting[i+1:]...)
				break
			}
		}
		return ctx.Err()
	}
}

// Idle is told by the script host that no branch can compute before one of
// the away branches has its outcome.
func (t *Timeline) Idle(away int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away = away
	t.advance()
}

// Skip lets time pass while no script runs: between a crash and the resume.
func (t *Timeline) Skip(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = t.now.Add(d)
}

// Halt ends all waits with err, now and until Restart: the runner is dead.
func (t *Timeline) Halt(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.halted = err
	for _, w := range t.waiting {
		w.ready <- err
	}
	t.waiting = nil
}

// Restart makes the clock ready for another runner.
func (t *Timeline) Restart() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.halted, t.away = nil, 0
}

// advance lets the next waiter go if all branches wait; t.mu is held. While it
// is on its way one is missing among those that wait, so that nobody follows it
// before its effect has an outcome and the script computes again, or before it
// waits once more: an effect that is sent again waits several times.
func (t *Timeline) advance() {
	if t.away == 0 || len(t.waiting) < t.away {
		return
	}
	first := 0
	for i, w := range t.waiting {
		f := t.waiting[first]
		if w.due.Before(f.due) || w.due.Equal(f.due) && w.place.Compare(f.place) < 0 {
			first = i
		}
	}
	w := t.waiting[first]
	t.waiting = append(t.waiting[:first], t.waiting[first+1:]...)
	if w.due.After(t.now) {
		t.now = w.due
	}
	w.ready <- nil
}

type placeKey struct{}

func withPlace(ctx context.Context, place effect.Place) context.Context {
	return context.WithValue(ctx, placeKey{}, place)
}

func placeOf(ctx context.Context) effect.Place {
	place, _ := ctx.Value(placeKey{}).(effect.Place)
	return place
}
