package script

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

const waitUsage = `write wait { until_ = function() return … end, every = "5s", timeout = "2m" }`

// waiting is what wait{} was asked to do; durations are in seconds.
type waiting struct {
	title          string
	until          *lua.LFunction
	every, timeout float64
}

// wait calls a function until it returns a true value, which it returns. Its
// clock is now() and its pauses are sleeps, so that a resume goes on inside it
// and waits for what is left. What the function raises is raised.
func (s *Script) wait(L *lua.LState) int {
	b := s.enter(L)
	w := b.waiting(L)
	deadline := b.time(L) + w.timeout
	for attempt := 1; ; attempt++ {
		results, failure := b.try(L, w.until)
		if failure != nil {
			b.again(L, failure)
		}
		if len(results) > 0 && lua.LVAsBool(results[0]) {
			return pushAll(L, results)
		}
		left := deadline - b.time(L)
		if left <= 0 {
			b.raise(L, &effect.Error{Code: effect.CodeTimeout, Op: "wait", Where: b.position(L), Retryable: true,
				Message: fmt.Sprintf("%s did not come about within %s: asked %s, it last returned %s",
					w.what(), effect.FormatDuration(effect.Seconds(w.timeout)), times(attempt), s.returned(results)),
				Hint: "look at why, or wait for longer: timeout = …"}, nil)
		}
		b.control(L, effect.OpSleep, map[string]any{"duration": min(w.every, left),
			"reason": fmt.Sprintf("wait for %s: %s", w.what(), s.returned(results))})
	}
}

// waiting reads the table of wait{}.
func (b *branch) waiting(L *lua.LState) waiting {
	table, ok := L.Get(1).(*lua.LTable)
	if !ok || L.GetTop() != 1 {
		b.fail(L, waitUsage, "wait takes one table")
	}
	options := b.execution.script.copyOf(table)
	until := options.RawGetString("until_")
	options.RawSetString("until_", lua.LNil)
	values, err := b.execution.script.goMap(options)
	if err == nil {
		values, err = effect.CheckFields(language.WaitFields()[1:], nil, values)
	}
	if err != nil {
		b.raise(L, invalid("wait", b.position(L), err), nil)
	}
	fn, ok := until.(*lua.LFunction)
	if !ok {
		b.fail(L, waitUsage, "wait has to know what for: until_ is a function that returns whether it has come about, got %s", describe(until))
	}
	w := waiting{until: fn, every: values["every"].(float64), timeout: values["timeout"].(float64)}
	w.title, _ = values["title"].(string)
	return w
}

func (w *waiting) what() string {
	if w.title == "" {
		return "what until_ asks for"
	}
	return fmt.Sprintf("%q", w.title)
}

// time is the recorded time in seconds since 1970.
func (b *branch) time(L *lua.LState) float64 {
	now, _ := b.control(L, effect.OpNow, nil).(float64)
	return now
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// maxReturned bounds what a message shows of what a function returned, in bytes.
const maxReturned = 200

// returned shows what a function returned.
func (s *Script) returned(results []lua.LValue) string {
	if len(results) == 0 {
		return "nothing"
	}
	texts := make([]string, 0, len(results))
	size := 0
	for _, v := range results {
		text := v.Type().String()
		switch v := v.(type) {
		case lua.LString:
			text = string(v)
		case lua.LNumber:
			text = formatNumber(v)
		case *lua.LNilType, lua.LBool:
			text = v.String()
		}
		if size += len(text); size > maxReturned {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
