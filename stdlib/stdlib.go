// Package stdlib assembles the standard modules: their ops are the contract
// that every backend keeps, and their models are what they are in the
// simulated world. Each has a package of its own: ops.go declares it, model.go
// and what is beside it simulates it, and each composite has a file. Nothing
// here touches a real system.
//
// A module of somebody else's is an effect.Module too, and can do all that
// these can.
package stdlib

import (
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/db"
	"github.com/q-ecosystem/runbook/stdlib/deploy"
	"github.com/q-ecosystem/runbook/stdlib/dns"
	"github.com/q-ecosystem/runbook/stdlib/exec"
	"github.com/q-ecosystem/runbook/stdlib/files"
	"github.com/q-ecosystem/runbook/stdlib/health"
	"github.com/q-ecosystem/runbook/stdlib/hosts"
	"github.com/q-ecosystem/runbook/stdlib/http"
	"github.com/q-ecosystem/runbook/stdlib/ipfs"
	"github.com/q-ecosystem/runbook/stdlib/notify"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// Modules returns the standard modules, in the order of their names.
func Modules() []effect.Module {
	return []effect.Module{db.Module(), deploy.Module(), dns.Module(), exec.Module(), files.Module(), health.Module(),
		hosts.Module(), http.Module(), ipfs.Module(), notify.Module(), secrets.Module(), traffic.Module()}
}

// Models returns a model of each standard module, in the state that holds
// where a scenario says nothing: what can be assumed is, and says so in its
// State; the rest is refused with the code "unsupported" and a hint what to
// write.
func Models() map[string]effect.Model {
	models := map[string]effect.Model{}
	for _, m := range Modules() {
		models[m.Name] = m.Model()
	}
	return models
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
