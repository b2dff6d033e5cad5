package interpreter

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// Calendars finds a calendar by its name, as it stands now. The error says what to
// do about one that is not there.
type Calendars func(name string) (window.Calendar, error)

// look answers whether a calendar lets changes be made at a moment, for as long
// after it as they need. All that a script comes to know of the calendar is in the
// answer, which is recorded: a calendar that is edited later changes no replay.
func (find Calendars) look(args map[string]any) (effect.Result, error) {
	name, _ := args["name"].(string)
	if find == nil {
		return effect.Result{}, effect.Errorf(effect.CodeUnsupported, "the calendar %q: nobody says which calendars there are", name)
	}
	c, err := find(name)
	if err != nil {
		return effect.Result{}, err
	}
	seconds, _ := args["at"].(float64)
	needs, _ := args["needs"].(float64)
	at := effect.UnixTime(seconds)
	next, found := c.Next(at, effect.Seconds(needs))
	open := found && next.From.Equal(at)
	out := map[string]any{"open": open}
	if len(c.Emergency) > 0 {
		out["emergency"] = c.Emergency
	}
	switch {
	case open:
		out["window"] = next.Why
		if !next.To.IsZero() {
			out["closes"], out["until"] = unix(next.To), next.Clock(next.To)
		}
		return effect.Result{Value: out}, nil
	case found:
		out["opens"], out["window"] = unix(next.From), next.Why
	}
	out["why"] = c.Closed(at, effect.Seconds(needs))
	return effect.Result{Value: out}, nil
}

func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
