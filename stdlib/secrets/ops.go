package secrets

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// Module returns what there is under the name secrets.
func Module() effect.Module {
	name := field.Need("name", "the secret, as the store names it")
	return effect.Module{Name: "secrets", Doc: "Use, rotate and revoke secrets, and have credentials issued.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Invariants: invariants(),
		Ops: []effect.Op{
			{Module: "secrets", Name: "get", Doc: "Fetch a secret; its value is never recorded or shown", Class: effect.Read, Recall: []string{"version"},
				Args: []effect.Field{name, field.Text("version", "which version; the newest if left out")},
				Returns: []effect.Field{{Name: "value", Type: effect.String, Secret: true, Doc: "for arguments that are declared secret"},
					field.Text("version", "which version it is")}},
			{Module: "secrets", Name: "rotate", Doc: "Make a new version of a secret; the old ones stay valid", Class: effect.Write, Recovery: effect.Observe,
				Args: []effect.Field{name,
					{Name: "value", Type: effect.String, Secret: true, Doc: "the new value; made by the store if left out"},
					{Name: "length", Type: effect.Int, Default: 32.0, Min: effect.Bound(16), Max: effect.Bound(4096), Doc: "of a value that the store makes"}},
				Returns: []effect.Field{field.Text("version", "the new version"), field.Text("previous", "the version before; nothing for a new secret")}},
			{Module: "secrets", Name: "revoke", Doc: "End a version of a secret for good; one that is ended already is no error", Class: effect.Irreversible, Recovery: effect.Retry,
				Args:    []effect.Field{name, field.Need("version", "which version")},
				Returns: []effect.Field{field.Text("version", "which version"), field.Texts("valid", "the versions that are still valid")}},
			{Module: "secrets", Name: "issue", Doc: "Have a credential made that ends by itself; secrets.get returns its fields", Class: effect.Write, Recovery: effect.Retry,
				Args: []effect.Field{field.Need("name", `what makes it, as the store names it: "database/creds/app"`),
					{Name: "ttl", Type: effect.Duration, Default: "1h", Min: effect.Bound(1), Doc: "how long it has to be valid; where the store grants less nothing is issued"},
					{Name: "with", Type: effect.Map, Elem: &effect.Field{Type: effect.String},
						Doc: `what else it has to know, as the store names it: { common_name = "web.example.org" } for "pki/issue/web"`}},
				Returns: []effect.Field{field.Text("lease", `what it is called: secrets.get { name = lease .. "#username" }`),
					field.Of("expires", effect.Number, "when it ends, in seconds since 1970")}},
			{Module: "secrets", Name: "release", Doc: "End a credential that was issued; one that has ended already is no error", Class: effect.Write, Recovery: effect.Retry,
				Args:    []effect.Field{field.Need("lease", "what secrets.issue returned")},
				Returns: []effect.Field{field.Text("lease", "the same")}},
		}}
}
