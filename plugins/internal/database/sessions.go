package database

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Session is a connection for which a server carries something out.
type Session struct {
	ID   string
	Does string // for people
}

// Settle waits until a server carries out nothing more that an attempt which was
// killed began: a server goes on with a statement whose client is gone, and
// commits it. look returns the sessions that may be of such an attempt; those that
// come later are not. After some patience it is an error that says what goes on.
func (c *Call) Settle(server string, patience time.Duration, look func() ([]Session, *effect.Error)) *effect.Error {
	left, e := look()
	for until := time.Now().Add(patience); e == nil && len(left) > 0; {
		if time.Now().After(until) || c.Ctx.Err() != nil {
			return effect.Errorf(effect.CodeUnknown, "%s still carries out what an attempt that was ended had begun (%s: %s): resume once that is over, or end it there, and resume", server, left[0].ID, left[0].Does)
		}
		c.Progress.Say("waiting for what %s still carries out: %s", server, left[0].Does)
		select {
		case <-time.After(50 * time.Millisecond):
		case <-c.Ctx.Done():
		}
		var now []Session
		if now, e = look(); e == nil {
			left = both(left, now)
		}
	}
	return e
}

// both returns the sessions that are still there.
func both(before, now []Session) (out []Session) {
	for _, s := range now {
		for _, old := range before {
			if s.ID == old.ID {
				out = append(out, s)
			}
		}
	}
	return out
}
