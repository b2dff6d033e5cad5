package deploy

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// Module returns what there is under the name deploy.
func Module() effect.Module {
	env := field.Text("env", "which environment; the configured one if left out")
	region := field.Text("region", "which region; the configured one if left out")
	version := field.Text("version", "the version there; nothing if there is none")
	serving := field.Text("serving", "the version that serves; nothing if none does")
	state := field.Choice("state", "how far the version is; mixed where hosts hold different ones", false, "absent", "released", "active", "failed", "mixed")
	status := []effect.Field{field.Text("env", "the environment"), field.Text("region", "the region"), version,
		field.Text("previous", "the version before"), serving, state, field.Of("instances", effect.Int, "how many instances run"),
		{Name: "hosts", Type: effect.Map, Doc: "each host, by name, where the backend deploys to several", Elem: &effect.Field{Type: effect.Object, Fields: hostFields()}}}
	write := func(name, doc string, args ...effect.Field) effect.Op {
		return effect.Op{Module: "deploy", Name: name, Doc: doc, Class: effect.Write, Recovery: effect.Observe,
			Args: append(args, env, region), Returns: status}
	}
	decommission := write("decommission", "Remove what was released, for good", field.Timeout("30m"))
	decommission.Class = effect.Irreversible
	decommission.Validate = placed("decommission")
	activate := write("activate", "Let the version that is released serve in an environment or in a whole region", field.Timeout("10m"))
	activate.Validate = placed("activate")
	scale := write("scale", "Let so many instances run of what serves, and wait until they do; with none it stops, and is kept",
		effect.Field{Name: "instances", Type: effect.Int, Required: true, Min: effect.Bound(0), Remaining: true, Doc: "how many are to run"}, field.Timeout("10m"))
	scale.Validate = placed("scale")
	return effect.Module{Name: "deploy", Doc: "Release, activate, scale and remove versions, run jobs beside them, and empty the machines that they run on.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Invariants: invariants(),
		Ops: append([]effect.Op{
			{Module: "deploy", Name: "status", Doc: "Read what is released in an environment of a region", Class: effect.Read,
				Args: []effect.Field{env, region}, Returns: status},
			{Module: "deploy", Name: "regions", Doc: "Read which regions there are and what they do", Class: effect.Read, Args: []effect.Field{env},
				Returns: []effect.Field{field.Objects("regions", "one entry a region, in the order of their names", field.Text("name", "the region"),
					field.Of("active", effect.Bool, "whether it serves"), version, serving, state)}},
			write("release", "Bring a version to an environment and wait until it can be activated; what serves there goes on until then", field.Need("version", "the version"),
				effect.Field{Name: "set", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "settings of this release"}, field.Timeout("30m")),
			activate,
			decommission,
			scale,
			jobOp(env, region),
		}, nodeOps(region)...)}
}

// placed wants a target to be named: what the configuration's default is, is
// easily forgotten.
func placed(op string) func(map[string]any) error {
	return func(args map[string]any) error {
		if args["env"] == nil && args["region"] == nil {
			return &effect.FieldError{Problem: "names neither env nor region", Hint: `write deploy.` + op + ` { env = "green" }`}
		}
		return nil
	}
}
