package script

import (
	"maps"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// What window{} does where changes may not be made now, and a step that begins
// when they may no more.
const (
	outsideWait = "wait"
	outsideAsk  = "ask"
	closedGoOn  = "go on"
)

// view is what is known of a moment: whether changes may be made then, and
// until when, or from when on.
type view struct {
	open   bool
	name   string  // of the window
	closes float64 // in seconds since 1970; 0 if nothing closes it
	until  string  // the same, for people
	opens  float64 // 0 if it does not open
	why    string  // it is closed
	// asks holds what the calendar says of those who may agree all the same.
	asks map[string]any
}

// window goes on where changes may be made now, and otherwise does as it was
// told. Its clock is now(), its waits are sleeps and its questions approvals, so
// that a resume goes on inside it.
func (s *Script) window(L *lua.LState) int {
	b := s.enter(L)
	table, ok := L.Get(1).(*lua.LTable)
	if !ok || L.GetTop() != 1 {
		b.fail(L, "write "+language.WindowUsage, "window takes one table")
	}
	values, err := s.goMap(table)
	if err == nil {
		values, err = effect.CheckFields(language.WindowFields(), nil, values)
	}
	var calendar window.Calendar
	if err == nil {
		calendar, err = language.Calendar(values)
	}
	if err != nil {
		b.raise(L, invalid("window", b.position(L), err), nil)
	}
	b.hours = nil // the window that was asked for last counts
	for {
		now := b.time(L)
		v := b.view(L, values, calendar, now)
		if v.open {
			b.tellOpen(L, v)
			if values["closed"] != closedGoOn && v.closes > 0 {
				b.hours = &hours{values: values, calendar: calendar, name: v.name, closes: v.closes, until: v.until}
			}
			return b.opened(L, now, v, false)
		}
		switch outside := values["outside"]; {
		case outside == outsideAsk:
			title, given := values["title"].(string)
			if !given {
				title = "an emergency change, outside of every window"
			}
			b.control(L, effect.OpApprove, emergency(values, v, title))
			return b.opened(L, now, v, true)
		case outside == outsideWait && v.opens > 0:
			b.control(L, effect.OpSleep, map[string]any{"until_": v.opens, "reason": "the window " + v.name})
		default:
			hint := `outside = "ask" lets people agree to an emergency change`
			if v.opens > 0 {
				hint = `come back then; outside = "wait" waits for it, ` + hint
			}
			b.raise(L, &effect.Error{Code: effect.CodeRefused, Op: "window", Where: b.position(L), Message: v.why, Hint: hint}, nil)
		}
	}
}

// tellOpen tells the run's log of an open window.
func (b *branch) tellOpen(L *lua.LState, v view) {
	text := "within the window " + v.name
	if v.until != "" {
		text += ", which is open until " + v.until
	}
	b.control(L, effect.OpLog, map[string]any{"level": "info", "text": text})
}

// view looks at the windows that the script names, or asks for those of a calendar
// of the configuration, which is an effect: files change.
func (b *branch) view(L *lua.LState, values map[string]any, calendar window.Calendar, now float64) view {
	name, _ := values["calendar"].(string)
	if name != "" {
		args := map[string]any{"name": name, "at": now}
		if needs, given := values["needs"]; given {
			args["needs"] = needs
		}
		said, _ := b.control(L, effect.OpCalendar, args).(map[string]any)
		v := view{}
		v.open, _ = said["open"].(bool)
		v.name, _ = said["window"].(string)
		v.closes, _ = said["closes"].(float64)
		v.until, _ = said["until"].(string)
		v.opens, _ = said["opens"].(float64)
		v.why, _ = said["why"].(string)
		v.why = "the calendar " + name + ": " + v.why
		v.asks, _ = said["emergency"].(map[string]any)
		return v
	}
	needs, _ := values["needs"].(float64)
	at := effect.UnixTime(now)
	next, found := calendar.Next(at, effect.Seconds(needs))
	switch {
	case found && next.From.Equal(at):
		v := view{open: true, name: next.Why}
		if !next.To.IsZero() {
			v.closes, v.until = float64(seconds(next.To)), next.Clock(next.To)
		}
		return v
	case found:
		return view{name: next.Why, opens: float64(seconds(next.From)), why: calendar.Closed(at, effect.Seconds(needs))}
	}
	return view{why: calendar.Closed(at, effect.Seconds(needs))}
}

// opened returns what the script is told.
func (b *branch) opened(L *lua.LState, now float64, v view, emergency bool) int {
	t := b.execution.script.base.CreateTable(0, 3)
	t.RawSetString("opened", lua.LNumber(now))
	t.RawSetString("emergency", lua.LBool(emergency))
	if !emergency && v.closes > 0 {
		t.RawSetString("closes", lua.LNumber(v.closes))
	}
	L.Push(t)
	return 1
}

// emergency is the question whether to go on all the same. Who has to agree is for
// the calendar to say: a script cannot ask fewer.
func emergency(values map[string]any, v view, title string) map[string]any {
	args := map[string]any{"title": title, "detail": v.why}
	for _, key := range []string{"by", "count", "separate", "timeout"} {
		if given, ok := values[key]; ok && len(v.asks) == 0 {
			args[key] = given
		}
	}
	maps.Copy(args, v.asks)
	if detail, _ := values["detail"].(string); detail != "" {
		args["detail"] = detail + "\n" + v.why
	}
	return args
}
