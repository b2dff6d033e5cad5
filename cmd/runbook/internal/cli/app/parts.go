package app

import (
	"fmt"
	"slices"
	"sort"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Parts are modules and backends that a program has beside the standard ones.
type Parts struct {
	Modules  []effect.Module
	Backends []plugins.Backend
}

// Add gives the program more parts. Names are to be new, modules whole, and
// backends are to keep the contract of the module that they carry.
func (a *App) Add(more Parts) error {
	a.parts.Modules = append(a.parts.Modules, more.Modules...)
	if _, err := effect.NewCatalog(append(a.Modules(), effect.Control())...); err != nil {
		return fmt.Errorf("this program was built with modules that do not fit: %w", err)
	}
	for _, b := range more.Backends {
		d := b.Describe()
		if _, taken := a.Builtin(d.Name); taken {
			return fmt.Errorf("this program was built with two backends called %s: give one another name", d.Name)
		}
		contract, known := a.Contract(d.Module)
		if !known {
			return fmt.Errorf("this program was built with the backend %s of the module %s, and without that module: add it", d.Name, d.Module)
		}
		if err := host.Verify(host.Spec{Name: d.Name, Module: d.Module}, d, &contract); err != nil {
			return fmt.Errorf("this program was built with a backend that does not fit: %w", err)
		}
		a.parts.Backends = append(a.parts.Backends, b)
	}
	return nil
}

// Modules returns those that are known without starting a plugin.
func (a *App) Modules() []effect.Module { return append(stdlib.Modules(), a.parts.Modules...) }

// Contract returns the one of that name.
func (a *App) Contract(name string) (effect.Module, bool) {
	for _, m := range a.parts.Modules {
		if m.Name == name {
			return m, true
		}
	}
	return stdlib.Contract(name)
}

// Builtin returns a backend that is part of this program. It still runs in a
// process of its own: `runbook plugin NAME`.
func (a *App) Builtin(name string) (plugins.Backend, bool) {
	for _, b := range a.parts.Backends {
		if b.Describe().Name == name {
			return b, true
		}
	}
	return shipped(name)
}

// Builtins lists the names that Builtin knows, in order.
func (a *App) Builtins() []string {
	names := shippedNames()
	for _, b := range a.parts.Backends {
		names = append(names, b.Describe().Name)
	}
	sort.Strings(names)
	return names
}

// Carriers names the backends that are part of this program and carry an op
// ("traffic.split"), in order.
func (a *App) Carriers(op string) []string {
	var names []string
	for _, name := range a.Builtins() {
		b, ok := a.Builtin(name)
		if ok && slices.ContainsFunc(b.Describe().Ops, func(o effect.Op) bool { return o.String() == op }) {
			names = append(names, name)
		}
	}
	return names
}
