package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Secrets declares the use and the exchange of secrets in a store. The store
// keeps versions: rotating makes a new one and leaves the old valid, revoking
// ends one. A value reaches the script as an object that can be passed on and
// not be looked at.
func Secrets() effect.Module {
	name := need("name", "the secret, as the store names it")
	return effect.Module{Name: "secrets", Doc: "Use, rotate and revoke secrets.", Ops: []effect.Op{
		{Module: "secrets", Name: "get", Doc: "Fetch a secret; its value is never recorded or shown", Class: effect.Read,
			Args: []effect.Field{name, text("version", "which version; the newest if left out")},
			Returns: []effect.Field{{Name: "value", Type: effect.String, Secret: true, Doc: "for arguments that are declared secret"},
				text("version", "which version it is")}},
		{Module: "secrets", Name: "rotate", Doc: "Make a new version of a secret; the old ones stay valid", Class: effect.Write, Recovery: effect.Observe,
			Args: []effect.Field{name,
				{Name: "value", Type: effect.String, Secret: true, Doc: "the new value; made by the store if left out"},
				{Name: "length", Type: effect.Int, Default: 32.0, Min: effect.Bound(16), Max: effect.Bound(4096), Doc: "of a value that the store makes"}},
			Returns: []effect.Field{text("version", "the new version"), text("previous", "the version before; nothing for a new secret")}},
		{Module: "secrets", Name: "revoke", Doc: "End a version of a secret for good; one that is ended already is no error", Class: effect.Irreversible, Recovery: effect.Retry,
			Args:    []effect.Field{name, need("version", "which version")},
			Returns: []effect.Field{text("version", "which version"), texts("valid", "the versions that are still valid")}},
	}}
}
