package interpreter

import (
	"context"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// Calendars finds a calendar by its name, as it stands now. The error says what to
// do about one that is not there; it is retryable where somebody may mend that while
// the run waits, and in a *effect.Stop where nobody will meanwhile, as in a rehearsal.
type Calendars func(name string) (window.Calendar, error)

// A file that is just being saved is whole again when it is looked at once more.
const (
	calendarLooks = 5
	calendarPause = time.Second
)

// look asks a calendar. That it cannot be read is no outcome: a run that has waited
// for its window for days would be rolled back for a slip in a file. It stops
// instead, and looks again when it is resumed; of a rollback it is a failure as any
// other, for what else is to be taken back does not wait for it.
func (c *control) look(ctx context.Context, call effect.Call) (effect.Result, error) {
	seconds, _ := call.Args["at"].(float64)
	at := effect.UnixTime(seconds)
	for n := 1; ; n++ {
		res, err := c.calendar.look(call.Args, at)
		final := effect.AsStop(err) != nil
		if err == nil || !final && !effect.AsError(err).Retryable {
			return res, err
		}
		if n < calendarLooks && !final {
			call.Report("%s; it is looked at again", effect.AsError(err).Message)
			if c.clock.Wait(ctx, c.clock.Now().Add(calendarPause)) != nil {
				return effect.Result{}, stopped(ctx)
			}
			if now := c.clock.Now(); now.After(at) { // it may have closed meanwhile
				at = now
			}
			continue
		}
		if call.Place.InRollback() {
			return effect.Result{}, effect.AsError(err)
		}
		return effect.Result{}, &effect.Stop{Cause: effect.Interrupted, Err: &Unmended{call.Where, effect.AsError(err)}}
	}
}

// Unmended says why a run stops until somebody has mended its configuration: a
// resume looks again.
type Unmended struct {
	Where effect.Position // of the window{}
	Err   *effect.Error
}

// Error says what is lacking, and what to do.
func (u *Unmended) Error() string {
	text := "nothing was done since: mend the configuration, and resume the run"
	if u.Err.Hint != "" {
		text = u.Err.Hint + "\n" + text
	}
	return fmt.Sprintf("%s: window: %s\n%s", u.Where, u.Err.Message, text)
}

// look answers whether a calendar lets changes be made at a moment, for as long
// after it as they need. All that a script comes to know of the calendar is in the
// answer, which is recorded: a calendar that is edited later changes no replay.
func (find Calendars) look(args map[string]any, at time.Time) (effect.Result, error) {
	name, _ := args["name"].(string)
	if find == nil {
		return effect.Result{}, effect.Errorf(effect.CodeUnsupported, "the calendar %q: nobody says which calendars there are", name)
	}
	c, err := find(name)
	if err != nil {
		return effect.Result{}, err
	}
	needs, _ := args["needs"].(float64)
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
			out["closes"], out["until"] = Seconds(next.To), next.Clock(next.To)
		}
		return effect.Result{Value: out}, nil
	case found:
		out["opens"], out["window"] = Seconds(next.From), next.Why
	}
	out["why"] = c.Closed(at, effect.Seconds(needs))
	return effect.Result{Value: out}, nil
}

// Seconds returns a time as scripts have it: in seconds since 1970.
func Seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
