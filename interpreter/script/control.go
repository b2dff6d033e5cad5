package script

import (
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// controlFunctions are the globals by which a script steers its run.
func (s *Script) controlFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"runbook":     s.callRunbook,
		"step":        s.step,
		"checkpoint":  s.checkpoint,
		"sleep":       s.sleep,
		"now":         s.now,
		"random":      s.random,
		"uuid":        s.uuid,
		"env":         s.env,
		"approve":     s.approve,
		"checklist":   s.checklist,
		"on_rollback": s.onRollback,
		"parallel":    s.parallel,
		"retry":       s.retry,
		"wait":        s.wait,
		"window":      s.window,
		"fail":        s.raiseByHand,
		"print":       s.print,
		"require":     s.require,
	}
}

// control carries out one of the engine's own ops and returns its value.
func (b *branch) control(L *lua.LState, op string, args map[string]any) any {
	value, err := b.perform(b.execution.ctx, site{b.position(L), &b.scope}, op, args)
	if err != nil {
		b.raise(L, err, b.execution.script.shownArgs(op, args))
	}
	return value
}

// text returns a string argument, or raises how the call is written.
func (b *branch) text(L *lua.LState, n int, usage string) string {
	if v, ok := L.Get(n).(lua.LString); ok && v != "" {
		if len(v) > maxName {
			b.fail(L, "write "+usage, "the text has %d bytes, more than the %d of a name", len(v), maxName)
		}
		return string(v)
	}
	b.fail(L, "write "+usage, "a text is wanted, got %s", describe(L.Get(n)))
	return ""
}

func (b *branch) function(L *lua.LState, n int, usage string) *lua.LFunction {
	if fn, ok := L.Get(n).(*lua.LFunction); ok {
		return fn
	}
	b.fail(L, "write "+usage, "a function is wanted, got %s", describe(L.Get(n)))
	return nil
}

func pushAll(L *lua.LState, values []lua.LValue) int {
	for _, v := range values {
		L.Push(v)
	}
	return len(values)
}

func (s *Script) step(L *lua.LState) int {
	b := s.enter(L)
	const usage = `step("name", function() … end)`
	name, fn := b.text(L, 1, usage), b.function(L, 2, usage)
	for {
		results, failure := b.stay(L, name, fn)
		if failure == nil {
			return pushAll(L, results)
		}
		switch b.about(L, name, failure) {
		case ChoiceRetry:
		case ChoiceSkip:
			return 0
		default:
			b.again(L, failure)
		}
	}
}

// stay carries a step out once.
func (b *branch) stay(L *lua.LState, name string, fn *lua.LFunction) ([]lua.LValue, *failure) {
	b.control(L, effect.OpStep, map[string]any{"name": name})
	b.steps = append(b.steps, name)
	var results []lua.LValue
	failure := b.inHours(L, name)
	if failure == nil {
		results, failure = b.try(L, fn)
	}
	b.steps = b.steps[:len(b.steps)-1]
	left := map[string]any{"name": name}
	if failure != nil {
		left["error"] = shortened(failure.text())
	}
	b.control(L, effect.OpStepLeft, left)
	return results, failure
}

func (s *Script) checkpoint(L *lua.LState) int {
	b := s.enter(L)
	b.control(L, effect.OpCheckpoint, map[string]any{"name": b.text(L, 1, `checkpoint "name"`)})
	return 0
}

func (s *Script) sleep(L *lua.LState) int {
	b := s.enter(L)
	if L.GetTop() > 1 {
		b.fail(L, `write sleep "15m"`, "sleep takes one duration, got %d values", L.GetTop())
	}
	switch v := L.Get(1).(type) {
	case lua.LNumber:
		b.control(L, effect.OpSleep, map[string]any{"duration": float64(v)})
	case lua.LString:
		b.control(L, effect.OpSleep, map[string]any{"duration": string(v)})
	case *lua.LTable:
		b.control(L, effect.OpSleep, b.namedArgs(L, effect.OpSleep))
	default:
		b.fail(L, `write sleep "15m"`, "sleep wants a duration, got %s", describe(v))
	}
	return 0
}

func (s *Script) now(L *lua.LState) int {
	L.Push(s.toLua(s.enter(L).control(L, effect.OpNow, nil)))
	return 1
}

func (s *Script) uuid(L *lua.LState) int {
	L.Push(s.toLua(s.enter(L).control(L, effect.OpUUID, nil)))
	return 1
}

func (s *Script) env(L *lua.LState) int {
	b := s.enter(L)
	L.Push(s.toLua(b.control(L, effect.OpEnv, map[string]any{"name": b.text(L, 1, `env("NAME")`)})))
	return 1
}

// random means what math.random means: random() is from [0, 1), random(n) a
// whole number from 1 to n, random(m, n) one from m to n.
func (s *Script) random(L *lua.LState) int {
	b := s.enter(L)
	low, high := 1.0, 0.0
	switch L.GetTop() {
	case 0:
	case 1:
		high = math.Floor(float64(L.CheckNumber(1)))
	default:
		low, high = math.Floor(float64(L.CheckNumber(1))), math.Floor(float64(L.CheckNumber(2)))
	}
	if L.GetTop() > 0 && !(low <= high) {
		b.fail(L, "write random(n) with n of at least 1, or random(m, n) with m not above n",
			"random has nothing to choose from %s to %s", formatNumber(lua.LNumber(low)), formatNumber(lua.LNumber(high)))
	}
	r, _ := b.control(L, effect.OpRandom, nil).(float64)
	if L.GetTop() > 0 {
		r = low + math.Floor(r*(high-low+1))
	}
	L.Push(lua.LNumber(r))
	return 1
}

func (s *Script) approve(L *lua.LState) int {
	b := s.enter(L)
	var args map[string]any
	if title, ok := L.Get(1).(lua.LString); ok && L.GetTop() == 1 {
		args = map[string]any{"title": string(title)}
	} else {
		args = b.namedArgs(L, effect.OpApprove)
	}
	if fault := effect.ApprovalFault(args); fault != "" {
		b.raise(L, &effect.Error{Code: effect.CodeInvalid, Message: "nobody can agree to approve: " + fault, Where: b.position(L),
			Hint: effect.ApprovalHint}, nil)
	}
	L.Push(s.toLua(b.control(L, effect.OpApprove, args)))
	return 1
}

func (s *Script) onRollback(L *lua.LState) int {
	b := s.enter(L)
	const usage = "on_rollback(function() … end)"
	if b.rollback {
		b.fail(L, "do it in the rollback itself", "a rollback cannot register another")
	}
	b.mayRegister(L)
	name, at := fmt.Sprintf("rollback %d", len(s.rollbacks)+1), 1
	if len(b.steps) > 0 {
		name = b.steps[len(b.steps)-1]
	}
	if L.GetTop() > 1 {
		name, at = b.text(L, 1, `on_rollback("name", function() … end)`), 2
	}
	fn := b.function(L, at, usage)
	where := b.position(L)
	b.control(L, effect.OpRegistered, nil)
	s.register(name, where, fn)
	return 0
}

// mayRegister raises an error if there are too many rollbacks.
func (b *branch) mayRegister(L *lua.LState) {
	if len(b.execution.script.rollbacks) >= maxRollbacks {
		b.fail(L, "let one function take back what a loop did", "more than %d rollbacks would be registered", maxRollbacks)
	}
}

func (s *Script) register(name string, where effect.Position, fn *lua.LFunction) {
	s.rollbacks = append(s.rollbacks, registered{Rollback{Name: name, Where: where, Index: len(s.rollbacks) + 1}, fn})
}

// raiseByHand is the global fail.
func (s *Script) raiseByHand(L *lua.LState) int {
	b := s.enter(L)
	e := &effect.Error{Code: effect.CodeRaised, Where: b.position(L)}
	switch v := L.Get(1).(type) {
	case lua.LString, lua.LNumber:
		e.Message = s.textOf(L, v)
	case *lua.LTable:
		values, err := s.goMap(v)
		if err == nil {
			values, err = effect.CheckFields([]effect.Field{
				{Name: "message", Type: effect.String, Required: true},
				{Name: "code", Type: effect.String, Default: string(effect.CodeRaised)},
				{Name: "hint", Type: effect.String},
			}, nil, values)
		}
		if err != nil {
			b.fail(L, `write fail "what went wrong"`, "fail: %s", err)
		}
		code, _ := values["code"].(string)
		e.Code = effect.Code(code)
		e.Message, _ = values["message"].(string)
		e.Hint, _ = values["hint"].(string)
	default:
		b.fail(L, `write fail "what went wrong"`, "fail wants a message, got %s", describe(v))
	}
	b.raise(L, e, nil)
	return 0
}

func (s *Script) print(L *lua.LState) int {
	b := s.enter(L)
	parts := make([]string, L.GetTop())
	size := 0
	for i := range parts {
		parts[i] = s.textOf(L, L.Get(i+1))
		size += len(parts[i]) + 1
		b.loggable(L, "print", size)
	}
	b.control(L, effect.OpLog, map[string]any{"level": "info", "text": strings.Join(parts, "\t")})
	return 0
}

// loggable raises an error if a line of the log is too long.
func (b *branch) loggable(L *lua.LState, name string, size int) {
	if size > maxLog {
		b.fail(L, "keep what is long in a file of its own", "%s: the text would be longer than %d MiB", name, maxLog>>20)
	}
}

// log returns log.LEVEL, which takes a text, or a table of text and fields.
func (s *Script) log(level string) lua.LGFunction {
	usage := fmt.Sprintf(`write log.%s "what happened" or log.%s { text = "what happened", server = "web1" }`, level, level)
	return func(L *lua.LState) int {
		b := s.enter(L)
		if L.GetTop() != 1 {
			b.fail(L, usage, "log.%s takes one text or one table, got %d values", level, L.GetTop())
		}
		args := map[string]any{"level": level}
		table, ok := L.Get(1).(*lua.LTable)
		if !ok || raisedOf(table) != nil {
			text := s.textOf(L, L.Get(1))
			b.loggable(L, "log."+level, len(text))
			args["text"] = text
			b.control(L, effect.OpLog, args)
			return 0
		}
		fields, err := s.goMap(table, "text")
		if err != nil {
			b.fail(L, usage, "log.%s: %s", level, err)
		}
		args["text"] = ""
		if text := s.open(table).RawGetString("text"); text != lua.LNil {
			args["text"] = s.textOf(L, text)
		}
		if len(fields) > 0 {
			args["fields"] = fields
		}
		b.control(L, effect.OpLog, args)
		return 0
	}
}
