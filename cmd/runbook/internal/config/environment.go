package config

import (
	"errors"
	"fmt"
	"sort"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Environment says which backends carry each module.
type Environment struct {
	Name string // "" where there is no file

	config      *Config
	line        int
	extends     string
	extendsLine int
	calendar    string
	own         []*moduleEntry // what the environment itself names
	chain       []string       // itself, and what it extends, nearest first
	pinned      bool           // it was restored from a run
}

// File returns the configuration's file, absolute; "" if there is none.
func (e *Environment) File() string {
	if e.config == nil {
		return ""
	}
	return e.config.file
}

// Modules returns the names of the modules that have a backend, in order.
func (e *Environment) Modules() []string {
	seen := map[string]bool{}
	var names []string
	for _, env := range e.lineage() {
		for _, m := range env.own {
			if !seen[m.name] {
				seen[m.name] = true
				names = append(names, m.name)
			}
		}
	}
	sort.Strings(names)
	return names
}

// Backends returns the names of a module's backends, in the order in which they
// are asked. The error says what to write, and where.
func (e *Environment) Backends(module string) ([]string, error) {
	m, _ := e.find(module)
	if m == nil {
		return nil, e.missing(module)
	}
	return m.names(), nil
}

// Require reports the modules that have no backend, in one error that says what
// to write, and where.
func (e *Environment) Require(modules []string) error {
	var missing []string
	for _, module := range modules {
		if m, _ := e.find(module); m == nil {
			missing = append(missing, module)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return e.missing(missing...)
}

// Where returns the place of a backend's entry; without a backend it is the
// module's. It is the zero Position if there is none.
func (e *Environment) Where(c Carrier) effect.Position {
	m, env := e.find(c.Module)
	if m == nil {
		return effect.Position{}
	}
	if b := m.backend(c.Backend); b != nil {
		return env.at(b.line)
	}
	return env.at(m.line)
}

// Resolve returns the configuration of a module's backend in canonical form,
// checked against the fields that the backend declares, with the secrets that it
// refers to as effect.Secret values. The error is a joined list of *Error.
func (e *Environment) Resolve(fields []effect.Field, c Carrier) (map[string]any, error) {
	m, env := e.find(c.Module)
	if m == nil {
		return nil, e.missing(c.Module)
	}
	b := m.backend(c.Backend)
	if b == nil {
		return nil, errorf(env.at(m.line), "", "the module %s has no backend %s", c.Module, c.Backend)
	}
	var p problems
	report := func(path string, err error) {
		message, hint := err.Error(), ""
		var ce *Error
		var fe *effect.FieldError
		if errors.As(err, &ce) {
			message, hint = ce.Message, ce.Hint
		} else if errors.As(err, &fe) {
			path, message, hint = joinPath(path, fe.Path), fe.Problem, fe.Hint
		}
		line := b.config.lineOf(path)
		if path != "" {
			path += ": "
		}
		p.add(env.at(line), hint, "%s (%s): %s%s", m.name, b.name, path, message)
	}
	values, _ := b.config.plain().(map[string]any)
	find := func(path, ref string) (effect.Secret, error) {
		return ResolveSecret(m.path(b)+"."+path, ref, e.config.dir())
	}
	out := checkAll(fields, values, &secretResolver{find, report})
	if err := p.err(); err != nil {
		return nil, err
	}
	for i := range fields {
		if v, ok := out[fields[i].Name]; ok {
			out[fields[i].Name] = absolute(&fields[i], v, e.config.dir())
		}
	}
	return out, nil
}

// Said returns what the configuration says of a module's backend, as it stands
// there; nil if there is none.
func (e *Environment) Said(c Carrier) map[string]any {
	m, _ := e.find(c.Module)
	if m == nil || m.backend(c.Backend) == nil {
		return nil
	}
	values, _ := m.backend(c.Backend).config.plain().(map[string]any)
	return values
}

// find returns a module's entry and the environment that holds it.
func (e *Environment) find(module string) (*moduleEntry, *Environment) {
	for _, env := range e.lineage() {
		for _, m := range env.own {
			if m.name == module {
				return m, env
			}
		}
	}
	return nil, nil
}

// lineage returns the environment and those it extends, nearest first.
func (e *Environment) lineage() []*Environment {
	var out []*Environment
	for _, name := range e.chain {
		out = append(out, e.config.environments[name])
	}
	return out
}

func (e *Environment) at(line int) effect.Position {
	return effect.Position{File: e.config.Path, Line: line}
}

func (e *Environment) missing(modules ...string) error {
	what, need := "module "+modules[0], "needs a backend"
	if len(modules) > 1 {
		what, need = "modules "+list(modules), "need backends"
	}
	if e.pinned {
		return errorf(effect.Position{}, "go on with the configuration as it is now: --config-now",
			"the %s %s, and the run has recorded none: its script did not require it when it began", what, need)
	}
	if e.config == nil || e.config.Path == "" {
		return errorf(effect.Position{}, "write a file runbook.yaml here, such as this:\n\n"+Example("default", modules...),
			"the %s %s, and there is no configuration file", what, need)
	}
	return errorf(e.at(e.line), "add it there, such as this:\n\n"+Example(e.Name, modules...),
		"environment %s names no backend for the %s", e.Name, what)
}

// joinPath appends a key or an index to a path.
func joinPath(path, key string) string {
	if path == "" || key == "" || key[0] == '[' {
		return path + key
	}
	return fmt.Sprintf("%s.%s", path, key)
}
