package script

import (
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// What window{} does where changes may not be made now.
const (
	outsideRefuse = "refuse"
	outsideWait   = "wait"
	outsideAsk    = "ask"
)

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
	needs, _ := values["needs"].(float64)
	for {
		now := effect.UnixTime(b.time(L))
		next, found := calendar.Next(now, effect.Seconds(needs))
		if found && next.From.Equal(now) {
			b.say(L, fmt.Sprintf("within the window %s, which is open until %s", next.Why, next.Clock(next.To)))
			return b.opened(L, now, next, false)
		}
		why := calendar.Closed(now, effect.Seconds(needs))
		switch outside := values["outside"]; {
		case outside == outsideAsk:
			b.control(L, effect.OpApprove, emergency(values, why))
			return b.opened(L, now, window.Span{}, true)
		case outside == outsideWait && found:
			b.control(L, effect.OpSleep, map[string]any{"until_": float64(next.From.UnixMicro()) / 1e6, "reason": "the window " + next.Why})
		default:
			b.raise(L, &effect.Error{Code: effect.CodeRefused, Op: "window", Where: b.position(L), Message: why,
				Hint: `come back then; outside = "wait" waits for it, outside = "ask" lets people agree to an emergency change`}, nil)
		}
	}
}

// opened returns what the script is told.
func (b *branch) opened(L *lua.LState, now time.Time, span window.Span, emergency bool) int {
	t := b.execution.script.base.CreateTable(0, 3)
	t.RawSetString("opened", seconds(now))
	t.RawSetString("emergency", lua.LBool(emergency))
	if !emergency {
		t.RawSetString("closes", seconds(span.To))
	}
	L.Push(t)
	return 1
}

// say writes to the run's log.
func (b *branch) say(L *lua.LState, text string) {
	b.control(L, effect.OpLog, map[string]any{"level": "info", "text": text})
}

// emergency is the question whether to go on all the same.
func emergency(values map[string]any, why string) map[string]any {
	args := map[string]any{"title": "an emergency change, outside of every window", "detail": why}
	for _, key := range []string{"title", "by", "count", "separate", "timeout"} {
		if v, given := values[key]; given {
			args[key] = v
		}
	}
	if detail, _ := values["detail"].(string); detail != "" {
		args["detail"] = detail + "\n" + why
	}
	return args
}
