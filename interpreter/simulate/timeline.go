package simulate

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Timeline is a virtual clock, as one run reads it. It stands still while a
// script computes, and jumps to the next thing that is due once every branch of
// the script waits; of several runs on one clock, once every branch of them all
// does. Only one branch of one run computes at a time.
type Timeline struct {
	*clock
	waiting []*waiter
	away    int // branches that wait for an effect while none computes; 0: some computes
	halted  error
	left    bool // its run has ended: nobody waits for it
}

// clock is what the timelines of several runs share.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	lines []*Timeline
}

type waiter struct {
	due    time.Time
	place  effect.Place
	yields bool // to all that do not
	ready  chan error
}

// before reports whether w goes on before another waiter of its run.
func (w *waiter) before(o *waiter) bool {
	return w.due.Before(o.due) || w.due.Equal(o.due) && w.place.Compare(o.place) < 0
}

// NewTimeline returns a clock that shows start.
func NewTimeline(start time.Time) *Timeline {
	t := &Timeline{clock: &clock{now: start}}
	t.lines = []*Timeline{t}
	return t
}

// Beside returns the timeline of another run on the same clock. Until it has
// left, both runs wait for each other.
func (t *Timeline) Beside() *Timeline {
	t.mu.Lock()
	defer t.mu.Unlock()
	other := &Timeline{clock: t.clock}
	t.lines = append(t.lines, other)
	return other
}

// Begin waits until the run is to begin.
func (t *Timeline) Begin(ctx context.Context, at time.Time) error {
	t.mu.Lock()
	t.away = 1
	t.mu.Unlock()
	return t.Wait(ctx, at)
}

// Leave lets the other runs of the clock go on without this one.
func (t *Timeline) Leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left = true
	t.advance()
}

// Now returns the virtual time.
func (t *Timeline) Now() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// Wait blocks until the virtual time is until. It returns the context's error,
// or what Halt was given.
func (t *Timeline) Wait(ctx context.Context, until time.Time) error {
	return t.wait(ctx, &waiter{due: until, place: placeOf(ctx), ready: make(chan error, 1)})
}

// Yield is Wait, and ends as soon as nobody waits who does not yield, too.
func (t *Timeline) Yield(ctx context.Context, until time.Time) error {
	return t.wait(ctx, &waiter{due: until, place: placeOf(ctx), yields: true, ready: make(chan error, 1)})
}

func (t *Timeline) wait(ctx context.Context, w *waiter) error {
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
// waits once more: an effect that is sent again waits several times. Of what is
// due at one time, that of the first run comes first, and of one run that with
// the first place.
func (c *clock) advance() {
	var from *Timeline
	var next *waiter
	yields := true
	for _, t := range c.lines {
		if t.left {
			continue
		}
		if t.away == 0 || len(t.waiting) < t.away {
			return
		}
		for _, w := range t.waiting {
			yields = yields && w.yields
			if next == nil || from == t && w.before(next) || w.due.Before(next.due) {
				from, next = t, w
			}
		}
	}
	if next == nil {
		return
	}
	from.waiting = slices.DeleteFunc(from.waiting, func(w *waiter) bool { return w == next })
	if next.due.After(c.now) && !yields {
		c.now = next.due
	}
	next.ready <- nil
}

type placeKey struct{}

func withPlace(ctx context.Context, place effect.Place) context.Context {
	return context.WithValue(ctx, placeKey{}, place)
}

func placeOf(ctx context.Context) effect.Place {
	place, _ := ctx.Value(placeKey{}).(effect.Place)
	return place
}
