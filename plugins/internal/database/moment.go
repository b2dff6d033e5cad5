package database

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/db"
)

// Moment returns the argument time, the moment to restore to, unless it is not
// given.
func (c *Call) Moment() (at time.Time, given bool, e *effect.Error) {
	v, given := c.Args["time"]
	if !given {
		return time.Time{}, false, nil
	}
	at, err := contract.ParseTime(v)
	if err != nil {
		return time.Time{}, true, effect.Errorf(effect.CodeInvalid, "time: %v", err)
	}
	if at.After(time.Now()) {
		return time.Time{}, true, effect.Errorf(effect.CodeInvalid, "%s has not come yet", at.Format(time.RFC3339))
	}
	return at, true, nil
}

// Seconds returns a moment as scripts see it: seconds since 1970, to the
// millisecond.
func Seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

// Pause waits before something is looked at again; false means that the call is
// over.
func (c *Call) Pause() bool {
	select {
	case <-time.After(50 * time.Millisecond):
		return true
	case <-c.Ctx.Done():
		return false
	}
}
