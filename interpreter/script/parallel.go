package script

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const parallelUsage = "write parallel { a = function() … end, b = function() … end }"

// entry is one entry of parallel{}.
type entry struct {
	key  lua.LValue
	name string
	fn   lua.LValue
}

// at is the place of the branch in a parallel{}.
func (s entry) at(parallel effect.Place) effect.Place {
	if n, listed := s.key.(lua.LNumber); listed {
		return parallel.Listed(int(n))
	}
	return parallel.Branch(s.name)
}

// parallel runs functions side by side and returns a table of their first
// results, under the same keys. The failure of one stops the others at their
// next effect, and is raised; if fail_fast is false all run to their end, and the
// first failure in the order of the branches is raised.
func (s *Script) parallel(L *lua.LState) int {
	b := s.enter(L)
	if b.doomed {
		b.leaveEarly()
	}
	entries, o := b.entries(L)
	atOnce := len(entries)
	if o.limit > 0 {
		atOnce = min(atOnce, o.limit)
	}
	if alive := b.execution.alive.Load(); alive+int64(atOnce) > maxAlive {
		b.fail(L, "", "more than %d branches would be at work at once", maxAlive)
	}
	where, place := b.position(L), b.scope.next()
	branches := make([]any, len(entries))
	for i, st := range entries {
		branches[i] = string(st.at(place))
	}
	recorded, err := b.note(effect.OpParallel, place, where,
		map[string]any{"branches": branches, "fail_fast": o.failFast, "limit": float64(o.limit)})
	if err != nil {
		b.raise(L, err, nil)
	}
	g := &group{parent: b, place: place, where: where, entries: entries, options: o.as(recorded)}
	if len(entries) > 0 {
		b.within = g
		b.depart()
		b.execution.scheduler.fork(b, g.begin())
		b.await()
		b.within = nil
	}
	results := s.base.CreateTable(0, 0)
	failures, stopped, first := 0, 0, g.failed
	for i := range entries {
		switch c := g.child(i); {
		case c == nil || c.stopped:
			stopped++
		case c.failure != nil:
			if failures++; failures == 1 && !g.options.failFast {
				first = c
			}
		case len(c.results) > 0:
			results.RawSet(entries[i].key, c.results[0])
		}
	}
	switch {
	case first != nil:
		b.rethrow = first.failure.trace
		L.Panic = s.onRaise
		b.raise(L, s.branchError(first, failures-1, stopped), argsOf(first.failure))
	case stopped > 0: // with this branch, by the failure of one beside it
		b.leaveEarly()
	}
	L.Push(results)
	return 1
}

// entries reads the table of parallel{}: branches by name in the order of their
// names, or a list of them; and the options beside them.
func (b *branch) entries(L *lua.LState) ([]entry, parallelOptions) {
	s := b.execution.script
	table, ok := L.Get(1).(*lua.LTable)
	if !ok || L.GetTop() != 1 {
		b.fail(L, parallelUsage, "parallel takes one table of functions")
	}
	if b.execution.script.header == nil || len(b.loading) > 0 {
		b.fail(L, "", "parallel may be called once runbook{} was, and not while a file is being required")
	}
	var list []entry
	named, o := 0, parallelOptions{failFast: true}
	for k, v := table.Next(lua.LNil); k != lua.LNil; k, v = table.Next(k) {
		st := entry{key: k, name: s.textOf(L, k), fn: v}
		if b.option(L, &o, st.name, v) {
			continue
		}
		if _, ok := v.(*lua.LFunction); !ok {
			b.fail(L, parallelUsage, "a branch of parallel has to be a function; %s is %s", effect.Brief(st.name), describe(v))
		}
		if _, ok := k.(lua.LString); ok {
			named++
			if !effect.BranchNamed(st.name) {
				b.fail(L, "use letters, digits, _ and -, and begin with a letter", "%q cannot be the name of a branch", st.name)
			}
		} else if st.name != strconv.Itoa(len(list)-named+1) {
			b.fail(L, parallelUsage, "the list of parallel has a hole before [%s]", st.name)
		}
		if len(list) == maxBranches {
			b.fail(L, "", "parallel takes at most %d branches", maxBranches)
		}
		list = append(list, st)
	}
	switch {
	case named > 0 && named < len(list):
		b.fail(L, "name all branches or none", "parallel mixes named branches with others")
	case named > 0:
		slices.SortFunc(list, func(x, y entry) int {
			if x.name < y.name {
				return -1
			}
			return 1
		})
	}
	return list, o
}

// branchError words the failure of a branch as the failure of parallel; failed
// and stopped count the others.
func (s *Script) branchError(b *branch, failed, stopped int) *effect.Error {
	e := &effect.Error{Code: effect.CodeRaised}
	if t, ok := b.failure.value.(*lua.LTable); ok && raisedOf(t) != nil {
		e = raisedOf(t).current(t)
	} else {
		plain := s.failed(b.failure)
		e.Message, e.Where, e.Hint = plain.Message, plain.Where, plain.Hint
	}
	e.Message = fmt.Sprintf("branch %q: %s", b.name, e.Message)
	var others []string
	for _, o := range []struct {
		n         int
		one, many string
	}{{failed, "1 other branch failed too", "%d other branches failed too"}, {stopped, "1 other branch was stopped", "%d other branches were stopped"}} {
		switch {
		case o.n == 1:
			others = append(others, o.one)
		case o.n > 1:
			others = append(others, fmt.Sprintf(o.many, o.n))
		}
	}
	if len(others) > 0 {
		e.Message += " (" + strings.Join(others, ", ") + ")"
	}
	return e
}

// argsOf returns the arguments of the op that failed, if one did.
func argsOf(f *failure) map[string]any {
	if t, ok := f.value.(*lua.LTable); ok && raisedOf(t) != nil {
		return raisedOf(t).args
	}
	return nil
}
