package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Deploy declares bringing versions to environments and regions. A release
// takes no traffic before it is activated, and stays until it is
// decommissioned. All writes are observed by asking for the status.
func Deploy() effect.Module {
	env := text("env", "which environment; the configured one if left out")
	region := text("region", "which region; the configured one if left out")
	version := text("version", "the version there; nothing if there is none")
	state := choice("state", "how far it is", false, "absent", "released", "active", "failed")
	status := []effect.Field{text("env", "the environment"), text("region", "the region"), version,
		text("previous", "the version before"), state, field("instances", effect.Int, "how many instances run")}
	write := func(name, doc string, args ...effect.Field) effect.Op {
		return effect.Op{Module: "deploy", Name: name, Doc: doc, Class: effect.Write, Recovery: effect.Observe,
			Args: append(args, env, region), Returns: status}
	}
	decommission := write("decommission", "Remove what was released, for good", within("30m"))
	decommission.Class = effect.Irreversible
	decommission.Validate = placed("decommission")
	activate := write("activate", "Let a release serve: an environment beside others, or a whole region", within("10m"))
	activate.Validate = placed("activate")
	return effect.Module{Name: "deploy", Doc: "Release, activate and remove versions.", Ops: []effect.Op{
		{Module: "deploy", Name: "status", Doc: "Read what is released in an environment of a region", Class: effect.Read,
			Args: []effect.Field{env, region}, Returns: status},
		{Module: "deploy", Name: "regions", Doc: "Read which regions there are and what they do", Class: effect.Read, Args: []effect.Field{env},
			Returns: []effect.Field{objects("regions", "one entry a region, in the order of their names", text("name", "the region"),
				field("active", effect.Bool, "whether it serves"), version, state)}},
		write("release", "Bring a version to an environment and wait until it runs", need("version", "the version"),
			effect.Field{Name: "set", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "settings of this release"}, within("30m")),
		activate,
		decommission,
	}}
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
