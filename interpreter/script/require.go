package script

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// require returns a standard module, or what a file beside the script
// returned when it was first required.
func (s *Script) require(L *lua.LState) int {
	b := s.enter(L)
	name := b.text(L, 1, `require "traffic"`)
	value, ok := s.modules[name]
	if !ok {
		value = b.load(L, name)
		s.modules[name] = value
	}
	L.Push(value)
	return 1
}

func (b *branch) load(L *lua.LState, name string) lua.LValue {
	s := b.execution.script
	if t := s.module(name); t != nil {
		return t
	}
	if slices.Contains(b.loading, name) {
		b.fail(L, "move what both need into a third file", "require goes in a circle: %s",
			strings.Join(append(b.loading, name), " → "))
	}
	src, err := s.find(name)
	if errors.Is(err, fs.ErrNotExist) && slices.Contains(language.Builtins(), name) {
		return s.globals.RawGetString(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint := language.RequireHint(name, append(language.Builtins(), s.opts.Catalog.Names()...))
		b.fail(L, hint, "require %q: there is no module and no file of that name", name)
	case effect.AsStop(err) != nil: // the file could not be pinned
		b.stop(effect.AsStop(err))
	case err != nil:
		b.fail(L, "", "require %q: %s", name, err)
	}
	proto, err := s.opts.Cache.compile(src, s.opts.Cover)
	if err != nil {
		var e *Error
		errors.As(err, &e)
		b.fail(L, e.Hint, "require %q: %s", name, e)
	}
	s.sources = append(s.sources, src)
	b.loading = append(b.loading, name)
	results, failure := b.try(L, s.base.NewFunctionFromProto(proto), lua.LString(name))
	b.loading = b.loading[:len(b.loading)-1]
	if failure != nil {
		b.again(L, failure)
	}
	if len(results) == 0 || results[0] == lua.LNil {
		return lua.LTrue
	}
	return results[0]
}

// find asks the loader for a file. Names that could lead out of the script's
// folder are never asked for.
func (s *Script) find(name string) (Source, error) {
	if s.opts.Loader == nil || !regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*$`).MatchString(name) {
		return Source{}, fmt.Errorf("find %q: %w", name, fs.ErrNotExist)
	}
	return s.opts.Loader.Load(name)
}

// module returns the table of a module of the catalog, or nil.
func (s *Script) module(name string) *lua.LTable {
	m, ok := s.opts.Catalog.Module(name)
	if !ok || !slices.Contains(s.opts.Catalog.Names(), name) {
		return nil
	}
	real := s.base.NewTable()
	members := m.Members()
	for _, member := range members {
		op := name + "." + member
		real.RawSetString(member, s.base.NewFunction(func(L *lua.LState) int {
			L.Push(s.enter(L).callOp(L, op))
			return 1
		}))
	}
	return s.protect(real, name, func(L *lua.LState, key string) {
		s.enter(L).fail(L, language.Suggest(key, members), "%s.%s does not exist", name, key)
	})
}
