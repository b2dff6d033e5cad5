package script

import (
	"fmt"
	"maps"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// hours are those in which the steps of a branch, and of the branches that it starts,
// are to begin.
type hours struct {
	values   map[string]any // of the window{} that names them
	calendar window.Calendar
	name     string
	closes   float64 // in seconds since 1970
	until    string  // the same, for people
	agreed   bool    // people let it go on after that
}

// inHours sees to it that a step begins while its window is open, as window{} was told
// by closed. It returns the failure of a step that may not.
func (b *branch) inHours(L *lua.LState, step string) *failure {
	if b.hours == nil || b.hours.agreed || b.rollback {
		return nil
	}
	_, failure := b.try(L, b.execution.script.base.NewFunction(func(L *lua.LState) int {
		b.reopen(L, b.hours, step)
		return 0
	}))
	return failure
}

// reopen does, where the window has closed, as it was told for that. A calendar is asked
// once more then: it may have been prolonged.
func (b *branch) reopen(L *lua.LState, h *hours, step string) {
	const left = "needs" // of what was needed at the beginning, some is done
	values := maps.Clone(h.values)
	delete(values, left)
	for {
		now := b.time(L)
		if now < h.closes {
			return
		}
		v := b.view(L, values, h.calendar, now)
		if v.open {
			b.tellOpen(L, v)
			h.name, h.until = v.name, v.until
			if h.closes = v.closes; h.closes == 0 { // nothing closes it any more
				h.agreed = true
			}
			return
		}
		v.why = fmt.Sprintf("the window %s closed %s, before the step %q; %s", h.name, h.until, step, v.why)
		switch closed := values["closed"]; {
		case closed == outsideAsk:
			b.control(L, effect.OpApprove, emergency(values, v, "go on after the window has closed?"))
			h.agreed = true
			return
		case closed == outsideWait && v.opens > 0:
			b.control(L, effect.OpSleep, map[string]any{"until_": v.opens, "reason": "the window " + v.name})
		default:
			b.raise(L, &effect.Error{Code: effect.CodeRefused, Op: "window", Where: b.position(L), Message: v.why,
				Hint: `closed = "wait" waits until it opens again, closed = "ask" lets people agree to go on`}, nil)
		}
	}
}
