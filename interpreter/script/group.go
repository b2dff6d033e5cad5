package script

import (
	"math"
	"runtime"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// parallelOptions stand in the table of parallel{} beside the branches.
type parallelOptions struct {
	failFast bool // the failure of one branch stops the others
	limit    int  // of branches at work at once; 0: none
}

// option reads a value of the table of parallel{} that is no branch: a function
// under the name of an option is a branch as any.
func (b *branch) option(L *lua.LState, o *parallelOptions, name string, v lua.LValue) bool {
	if _, ok := v.(*lua.LFunction); ok {
		return false
	}
	switch name {
	case "fail_fast":
		on, ok := v.(lua.LBool)
		if !ok {
			b.fail(L, "write fail_fast = false to let all branches run to their end", "fail_fast of parallel has to be true or false, got %s", describe(v))
		}
		o.failFast = bool(on)
	case "limit":
		n, ok := v.(lua.LNumber)
		if !ok || n < 1 || float64(n) != math.Trunc(float64(n)) || n > maxBranches {
			b.fail(L, "write limit = 3 to have three branches at work at once", "limit of parallel has to be a whole number from 1 to %d, got %s",
				maxBranches, describe(v))
		}
		o.limit = int(n)
	default:
		return false
	}
	return true
}

// as returns the options with which the record has this parallel{} begin, which
// a script that was edited since does not change.
func (o parallelOptions) as(recorded any) parallelOptions {
	options, ok := recorded.(map[string]any)
	if !ok {
		return o
	}
	o.failFast, _ = options["fail_fast"].(bool)
	limit, _ := options["limit"].(float64)
	o.limit = int(limit)
	return o
}

// group is one parallel{} under way. It belongs to whichever of its branches
// runs.
type group struct {
	parent  *branch
	place   effect.Place
	where   effect.Position
	entries []entry
	options parallelOptions
	begun   []*branch // the first of entries
	failed  *branch   // the first that failed
}

// child returns the branch of an entry; nil if it has not begun.
func (g *group) child(i int) *branch {
	if i < len(g.begun) {
		return g.begun[i]
	}
	return nil
}

// begin begins as many branches as may be at work at once.
func (g *group) begin() []*branch {
	n := len(g.entries)
	if g.options.limit > 0 {
		n = min(n, g.options.limit)
	}
	for range n {
		g.next()
	}
	return g.begun
}

// next makes the next branch, whose goroutine waits for its turn; nil if there
// is none.
func (g *group) next() *branch {
	if len(g.begun) == len(g.entries) {
		return nil
	}
	st := g.entries[len(g.begun)]
	c := g.parent.execution.newBranch(g.parent, st.at(g.place), st.name, st.fn)
	c.where, c.group = g.where, g
	g.begun = append(g.begun, c)
	g.parent.execution.group.Go(c.run)
	return c
}

// left hears that a branch came to its end, and lets the next one begin, or
// stops the others.
func (g *group) left(b *branch) {
	if b.failure != nil && g.failed == nil {
		g.failed = b
		if g.options.failFast {
			g.stop(b)
			return
		}
	}
	if b.doomed || g.failed != nil && g.options.failFast {
		return
	}
	if c := g.next(); c != nil {
		b.execution.scheduler.join(g.parent, c)
	}
}

// stop ends the branches beside the one that failed: each at the next effect
// that it asks for. One under way is finished; a sleep or a question is not. The
// branch that failed has the turn, so that which effects those are follows from
// the order of outcomes, as all that Lua does.
func (g *group) stop(failed *branch) {
	var others []*branch
	for _, c := range g.begun {
		if c != failed {
			others = append(others, c)
		}
	}
	for _, w := range failed.execution.scheduler.doom(others) {
		args := map[string]any{"name": w.branch.name, "stopped": true, "wait": string(w.place)}
		ended, err := failed.note(effect.OpBranchLeft, w.branch.scope.prefix, w.branch.where, args)
		if over, told := ended.(bool); err == nil && (over || !told) {
			failed.execution.scheduler.drop(w)
		}
	}
}

// leaveEarly ends a branch that was stopped by the failure of one beside it. It
// does not return.
func (b *branch) leaveEarly() {
	args := map[string]any{"name": b.name, "stopped": true}
	if _, err := b.note(effect.OpBranchLeft, b.scope.prefix, b.where, args); err != nil {
		b.stop(&effect.Stop{Cause: effect.Interrupted, Err: err})
	}
	b.early = true
	b.execution.meter.pause()
	runtime.Goexit()
}
