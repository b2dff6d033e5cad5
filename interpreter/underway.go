package interpreter

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// DefaultGrace is how long a call may show no sign of life once somebody has
// asked for an end, before it is cut short. A sign of life is a line of progress.
const DefaultGrace = 10 * time.Second

// inquiryGrace is left to a backend to say what became of a write.
const inquiryGrace = 5 * time.Second

// underway is a Handler that knows which calls are under way. When the run is to
// end, it cuts those short that hang.
type underway struct {
	next effect.Handler
	note func(line string) // tells of what is waited for

	mu    sync.Mutex
	calls map[*flight]bool
	order *endOrder
	timer *time.Timer
}

// flight is a call under way.
type flight struct {
	call      effect.Call
	began     time.Time
	alive     time.Time // when it last showed a sign of life
	cut       context.CancelFunc
	shortened string // why, if it was cut short
}

// endOrder is somebody's word that the run is to end.
type endOrder struct {
	what  string // "canceled by kim: lunch"
	since time.Time
	grace time.Duration
}

func newUnderway(next effect.Handler, note func(string)) *underway {
	return &underway{next: next, note: note, calls: map[*flight]bool{}}
}

// Do hands the call on. The error is a *replay.Short if it was cut short and did
// not succeed all the same.
func (u *underway) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Op.Module == effect.ControlModule { // waits end by their context
		return u.next.Do(ctx, call)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	now := time.Now()
	f := &flight{call: call, began: now, alive: now, cut: cancel}
	show := call.Progress
	call.Progress = func(line string) {
		u.mu.Lock()
		f.alive = time.Now()
		u.mu.Unlock()
		if show != nil {
			show(line)
		}
	}
	u.mu.Lock()
	u.calls[f] = true
	u.check()
	u.mu.Unlock()
	res, err := u.next.Do(ctx, call)
	u.mu.Lock()
	delete(u.calls, f)
	why := f.shortened
	u.mu.Unlock()
	if err != nil && why != "" && effect.AsStop(err) == nil {
		err = &replay.Short{Why: why, Err: err}
	}
	return res, err
}

// end lets calls that hang be cut short from now on. A later word of the same
// person, or another's, takes the place of the first.
func (u *underway) end(what string, grace time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.order = &endOrder{what, time.Now(), grace}
	for f := range u.calls {
		u.note(fmt.Sprintf("%s; it waits for %s at %s (effect %s), under way since %s; that is cut short %s",
			what, f.call.Op, f.call.Where, f.call.Place, f.began.Format("15:04:05"), u.order.bound(f)))
	}
	u.check()
}

// carriedOut ends the patience with what was under way: what follows is what was
// asked for.
func (u *underway) carriedOut() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.order = nil
}

// bound says when a call is cut short.
func (o *endOrder) bound(f *flight) string {
	if o.grace <= 0 {
		return "now"
	}
	return fmt.Sprintf("at %s unless it shows a sign of life before", o.due(f).Format("15:04:05"))
}

// due is when a call is cut short that shows no sign of life until then.
func (o *endOrder) due(f *flight) time.Time {
	from, grace := f.alive, o.grace
	if o.since.After(from) {
		from = o.since
	}
	if f.call.Verb == effect.VerbObserve {
		grace = max(grace, inquiryGrace)
	}
	return from.Add(grace)
}

// check cuts short what has hung for too long, and looks again when the next
// call may have; u.mu is held.
func (u *underway) check() {
	if u.timer != nil {
		u.timer.Stop()
		u.timer = nil
	}
	if u.order == nil {
		return
	}
	now, next := time.Now(), time.Time{}
	for f := range u.calls {
		if f.shortened != "" {
			continue
		}
		due := u.order.due(f)
		if !now.Before(due) {
			f.shortened = u.order.what + ", and cut short"
			if u.order.grace > 0 {
				f.shortened += fmt.Sprintf(" after %s without a sign of life", effect.FormatDuration(u.order.grace))
			}
			f.cut()
		} else if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	if !next.IsZero() {
		u.timer = time.AfterFunc(next.Sub(now), func() {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.check()
		})
	}
}

// close ends the timer.
func (u *underway) close() { u.carriedOut(); u.mu.Lock(); defer u.mu.Unlock(); u.check() }

// UnderWay is an effect of a run that somebody carries: begun, and not ended.
type UnderWay struct {
	Place effect.Place
	Op    string
	Where effect.Position
	Since time.Time
	Until time.Time // when its own time is up; zero if the op is not known
	Cut   time.Time // when it is cut short at the latest if it shows no sign of life; zero if nobody asked for an end
}

// UnderWay returns the writes of a run that its record says are under way; reads
// are not recorded before they end.
func (e *Engine) UnderWay(ctx context.Context, run string) ([]UnderWay, error) {
	events, err := e.opts.DB.Events(ctx, run, 0)
	if err != nil {
		return nil, err
	}
	h := history.Of(events)
	request := h.Request
	if request == nil {
		request = h.Cancel
	}
	var list []UnderWay
	for _, open := range h.Open() {
		u := UnderWay{Place: open.Place, Op: open.Op, Where: open.Where, Since: open.Sent}
		if op, ok := e.opts.Catalog.Op(open.Op); ok {
			args, _ := effect.Decode(open.Args)
			named, _ := args.(map[string]any)
			u.Until = u.Since.Add(op.TimeoutFor(named))
		}
		if request != nil {
			u.Cut = request.At.Add(graceOf(*request))
		}
		list = append(list, u)
	}
	return list, nil
}

// graceOf is how long a request leaves to calls that hang.
func graceOf(ev effect.Event) time.Duration {
	var said struct {
		Grace *float64 `json:"grace"`
	}
	if err := json.Unmarshal(ev.Body.Value, &said); err != nil || said.Grace == nil {
		return DefaultGrace
	}
	return effect.Seconds(max(*said.Grace, 0))
}

// withGrace is the value of a request that says so.
func withGrace(grace time.Duration) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"grace":%g}`, grace.Seconds()))
}
