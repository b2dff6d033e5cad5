package db

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// damaged is the module's fault kind.
const damaged = "damaged"

func faults() []effect.FaultKind {
	return []effect.FaultKind{{Name: damaged, Doc: "The copy that is restored turns out to be damaged", Ops: []string{"restore"}}}
}

// Break implements effect.Breaker. No part that others know is bad afterwards:
// whoever looks at the copy sees it.
func (d *Model) Break(_, _ string, args map[string]any) string {
	name := plain.Str(args, "db")
	b := d.db(name)
	b.damage = plain.Str(args, "copy")
	d.dbs[name] = b
	return ""
}
