package script

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// maxBranches bounds one parallel{}.
const maxBranches = 500

const parallelUsage = "write parallel { a = function() … end, b = function() … end }"

// strand is one entry of parallel{}.
type strand struct {
	key  lua.LValue
	name string
	fn   lua.LValue
}

// parallel runs functions side by side and returns a table of their first
// results, under the same keys. All of them run to their end, even if one
// fails; then the first failure, in the order of the branches, is raised.
func (s *Script) parallel(L *lua.LState) int {
	b := s.enter(L)
	strands := b.strands(L)
	where, place := b.position(L), b.scope.next()
	names := make([]any, len(strands))
	for i, st := range strands {
		names[i] = st.name
	}
	if err := b.note(effect.OpParallel, place, where, map[string]any{"names": names}); err != nil {
		b.raise(L, err, nil)
	}
	children := make([]*branch, len(strands))
	for i, st := range strands {
		children[i] = b.walk.newBranch(b, place+"."+st.name, st.name, st.fn)
		children[i].where = where
	}
	if len(children) > 0 {
		for _, c := range children {
			b.walk.group.Go(c.run)
		}
		b.depart()
		b.walk.baton.fork(b, children)
		b.await()
	}
	results := s.base.NewTable()
	failures := 0
	var first *branch
	for i, c := range children {
		switch {
		case c.failure != nil:
			if failures++; first == nil {
				first = c
			}
		case len(c.results) > 0:
			results.RawSet(strands[i].key, c.results[0])
		}
	}
	if first != nil {
		b.rethrow = first.failure.trace
		L.Panic = s.onRaise
		b.raise(L, s.branchError(first, failures-1), argsOf(first.failure))
	}
	L.Push(results)
	return 1
}

// strands reads the table of parallel{}: names in their order, or a list.
func (b *branch) strands(L *lua.LState) []strand {
	s := b.walk.script
	table, ok := L.Get(1).(*lua.LTable)
	if !ok || L.GetTop() != 1 {
		b.fail(L, parallelUsage, "parallel takes one table of functions")
	}
	if b.walk.script.header == nil || len(b.loading) > 0 {
		b.fail(L, "", "parallel may be called once runbook{} was, and not while a file is being required")
	}
	var list []strand
	named := 0
	for k, v := table.Next(lua.LNil); k != lua.LNil; k, v = table.Next(k) {
		st := strand{key: k, name: s.textOf(L, k), fn: v}
		if _, ok := v.(*lua.LFunction); !ok {
			b.fail(L, parallelUsage, "a branch of parallel has to be a function; %s is %s", st.name, describe(v))
		}
		if _, ok := k.(lua.LString); ok {
			named++
			if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`).MatchString(st.name) {
				b.fail(L, "use letters, digits, _ and -, and begin with a letter", "%q cannot be the name of a branch", st.name)
			}
		} else if st.name != strconv.Itoa(len(list)-named+1) {
			b.fail(L, parallelUsage, "the list of parallel has a hole before [%s]", st.name)
		}
		list = append(list, st)
	}
	switch {
	case named > 0 && named < len(list):
		b.fail(L, "name all branches or none", "parallel mixes named branches with others")
	case len(list) > maxBranches:
		b.fail(L, "", "parallel takes at most %d branches, got %d", maxBranches, len(list))
	case named > 0:
		slices.SortFunc(list, func(x, y strand) int {
			if x.name < y.name {
				return -1
			}
			return 1
		})
	}
	return list
}

// branchError words the failure of a branch as the failure of parallel.
func (s *Script) branchError(b *branch, others int) *effect.Error {
	e := &effect.Error{Code: effect.CodeRaised}
	if t, ok := b.failure.value.(*lua.LTable); ok && raisedOf(t) != nil {
		e = raisedOf(t).current(t)
	} else {
		plain := s.failed(b.failure)
		e.Message, e.Where, e.Hint = plain.Message, plain.Where, plain.Hint
	}
	e.Message = fmt.Sprintf("branch %q: %s", b.name, e.Message)
	switch {
	case others == 1:
		e.Message += " (1 other branch failed too)"
	case others > 1:
		e.Message += fmt.Sprintf(" (%d other branches failed too)", others)
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
