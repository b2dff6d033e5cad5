package script

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

const retryUsage = "write retry { attempts = 3, function() … end }"

// retryPlan is what retry{} was asked to do; durations are in seconds.
type retryPlan struct {
	attempts      int
	wait, maxWait float64
	backoff       float64
	any           bool // try again after any error, not only retryable ones
}

// retry calls a function until it does not fail, with pauses that grow. An
// error that is not retryable, and the last one, are raised as they are.
func (s *Script) retry(L *lua.LState) int {
	b := s.enter(L)
	plan, fn := b.retryPlan(L)
	wait := plan.wait
	for attempt := 1; ; attempt++ {
		results, failure := b.try(L, fn)
		if failure == nil {
			return pushAll(L, results)
		}
		if attempt >= plan.attempts || !plan.any && !retryable(failure) {
			b.again(L, failure)
		}
		if wait > 0 {
			b.control(L, effect.OpSleep, map[string]any{"duration": min(wait, plan.maxWait),
				"reason": fmt.Sprintf("attempt %d of %d comes next", attempt+1, plan.attempts)})
		}
		wait = min(wait*plan.backoff, plan.maxWait)
	}
}

func (b *branch) retryPlan(L *lua.LState) (retryPlan, lua.LValue) {
	table, ok := L.Get(1).(*lua.LTable)
	if !ok || L.GetTop() != 1 {
		b.fail(L, retryUsage, "retry takes one table")
	}
	fn, ok := table.RawGetInt(1).(*lua.LFunction)
	if !ok {
		b.fail(L, retryUsage, "retry has no function to try")
	}
	if table.RawGetInt(2) != lua.LNil {
		b.fail(L, "put both into one function", "retry takes one function")
	}
	options := b.execution.script.copyOf(table)
	options.RawSetInt(1, lua.LNil)
	values, err := b.execution.script.goMap(options)
	if err == nil {
		values, err = effect.CheckFields(language.RetryFields(), nil, values)
	}
	if err != nil {
		b.raise(L, invalid("retry", b.position(L), err), nil)
	}
	plan := retryPlan{attempts: int(values["attempts"].(float64)), wait: values["wait"].(float64),
		maxWait: values["max_wait"].(float64), backoff: values["backoff"].(float64), any: values["any"].(bool)}
	if plan.backoff < 1 {
		b.fail(L, "write backoff = 2 to double the pauses, 1 to keep them", "retry: backoff must be at least 1")
	}
	return plan, fn
}

func retryable(f *failure) bool {
	t, ok := f.value.(*lua.LTable)
	return ok && t.RawGetString("retryable") == lua.LTrue
}
