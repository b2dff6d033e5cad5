package app

import (
	"context"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// Lacking says of the ops that a script names which of them none of the backends
// carries that are configured for their modules: warnings, because another
// environment may have others. A module without any backend is passed over. The
// second result is why that cannot be told of a module: something in the
// configuration is wrong.
func (a *App) Lacking(ctx context.Context, on *Surroundings, uses []check.Use, catalog *effect.Catalog) (findings []check.Finding, unknown []error) {
	known := map[string][]host.Offer{}
	for _, use := range uses {
		op, ok := catalog.Op(use.Op)
		if !ok || !slices.Contains(on.Env.Modules(), op.Module) {
			continue
		}
		if _, ok := known[op.Module]; !ok {
			list, err := a.carriersOf(ctx, on, op.Module)
			known[op.Module] = []host.Offer{}
			if err != nil {
				unknown = append(unknown, err)
				continue
			}
			for _, c := range list {
				known[op.Module] = append(known[op.Module], host.Offer{Backend: c.spec.Name, Ops: c.desc.Ops, Limit: c.spec.Ops})
			}
		}
		if e := host.Lacking(op, a.Carriers(use.Op), known[op.Module]...); e != nil {
			findings = append(findings, check.Finding{Where: use.Where, Message: "environment " + on.Env.Name + ": " + e.Message, Hint: e.Hint, Severity: check.SeverityWarning})
		}
	}
	return findings, unknown
}
