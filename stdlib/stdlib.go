// Package stdlib declares the standard modules: their ops are the contract
// that every backend keeps. One file holds one module. Nothing here touches a
// real system.
package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Modules returns the standard modules, in the order of their names.
func Modules() []effect.Module {
	return []effect.Module{Exec(), Health(), Notify(), Traffic()}
}

// Contract returns the standard module of that name.
func Contract(module string) (effect.Module, bool) {
	for _, m := range Modules() {
		if m.Name == module {
			return m, true
		}
	}
	return effect.Module{}, false
}
