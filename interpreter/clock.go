package interpreter

import (
	"context"
	"time"
)

// Clock is a run's time.
type Clock interface {
	Now() time.Time
	// Wait returns nil at the given time, or the context's error before.
	Wait(ctx context.Context, until time.Time) error
}

// SystemClock is the wall clock.
type SystemClock struct{}

// Now returns the time.
func (SystemClock) Now() time.Time { return time.Now() }

// Wait waits by the wall clock, not the monotonic one: a deadline holds even
// when the machine was suspended or its clock was set in between.
func (SystemClock) Wait(ctx context.Context, until time.Time) error {
	const recheck = 15 * time.Second
	for {
		left := until.Round(0).Sub(time.Now().Round(0))
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(min(left, recheck))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
