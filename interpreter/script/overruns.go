package script

import (
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	// leastBudget is what the function of a rollback may compute whatever those
	// before it took: far more than to call a few effects takes.
	leastBudget = 10 * time.Millisecond
	// mostOverruns is how often one function may take too much in an attempt: a loop
	// that registers it thousands of times ends all the same.
	mostOverruns = 5
)

// overruns are the functions of one attempt at a rollback that computed for too
// long, or took too much memory.
type overruns struct {
	attempt int
	total   int
	by      map[*lua.FunctionProto]int
}

// of returns those of an attempt. They begin anew with it; a script that took too
// much before any rollback leaves less to all of them.
func (o *overruns) of(attempt int, before bool) *overruns {
	if attempt != o.attempt {
		*o = overruns{attempt: attempt, by: map[*lua.FunctionProto]int{}}
		if before {
			o.total = 1
		}
	}
	return o
}

// add counts an overrun if err is one.
func (o *overruns) add(fn *lua.LFunction, err error) {
	if !tookTooMuch(err) {
		return
	}
	o.total++
	if fn.Proto != nil {
		o.by[fn.Proto]++
	}
}

// refuse returns why a function is not tried again, nil if it is.
func (o *overruns) refuse(r Rollback, fn *lua.LFunction) error {
	if fn.Proto == nil || o.by[fn.Proto] < mostOverruns {
		return nil
	}
	return &effect.Stop{Cause: effect.Exhausted, Err: fmt.Errorf(
		"%s: not tried: the same function took too much %d times in this rollback; mend it, and roll back again", r.Where, mostOverruns)}
}

// budget is how long the next function may compute. Each that took too much leaves
// an eighth of its time to those after it, so that all end about when the first
// does; one that only calls what takes a change back comes to that.
func (o *overruns) budget(whole time.Duration) time.Duration {
	return max(whole>>min(3*o.total, 30), min(leastBudget, whole))
}

func tookTooMuch(err error) bool {
	stop := effect.AsStop(err)
	return stop != nil && stop.Cause == effect.Exhausted
}
