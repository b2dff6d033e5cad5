package db

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// The module's fault kinds.
const (
	damaged = "damaged"
	silent  = "silent"
	newer   = "newer-backups"
	noRows  = "no-rows"
)

func faults() []effect.FaultKind {
	return []effect.FaultKind{
		{Name: damaged, Doc: "The copy that is restored turns out to be damaged", Ops: []string{"restore"}},
		{Name: silent, Doc: "Nobody says how far replicas are behind, once", Ops: []string{"lag"}},
		{Name: newer, Doc: "Right after each of several backups there was another one of its kind", Ops: []string{"backups"}, Answers: true},
		{Name: noRows, Doc: "A query that returned several rows returns none", Ops: []string{"query"}, Answers: true, Only: notEmptied},
	}
}

// Break implements effect.Breaker. No part that others know is bad afterwards:
// whoever looks at the copy sees it.
func (d *Model) Break(kind, _ string, args map[string]any) string {
	name := plain.Str(args, "db")
	b := d.db(name)
	if kind == silent {
		b.silent = true
	} else {
		b.damage = plain.Str(args, "copy")
	}
	d.dbs[name] = b
	return ""
}
