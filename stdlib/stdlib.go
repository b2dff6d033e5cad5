// Package stdlib declares the standard modules: their ops are the contract
// that every backend keeps, and their models are what they are in the
// simulated world. One file holds a module's ops, model_NAME.go its model, and
// composites that are long have a file of their own. Nothing here touches a
// real system.
package stdlib

import (
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Modules returns the standard modules, in the order of their names.
func Modules() []effect.Module {
	return []effect.Module{DB(), Deploy(), DNS(), Exec(), Files(), Health(), HTTP(), IPFS(), Notify(), Secrets(), Traffic()}
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

// Carry returns the named ops of a standard module, in the contract's order,
// for the description of a backend that carries these and no others. A name
// that the contract does not have is kept, without anything to it, so that the
// host refuses the description.
func Carry(module string, ops ...string) []effect.Op {
	contract, _ := Contract(module)
	var carried []effect.Op
	for _, op := range contract.Ops {
		if slices.Contains(ops, op.Name) {
			carried = append(carried, op)
		}
	}
	for _, name := range ops {
		if !slices.ContainsFunc(carried, func(op effect.Op) bool { return op.Name == name }) {
			carried = append(carried, effect.Op{Module: module, Name: name})
		}
	}
	return carried
}
