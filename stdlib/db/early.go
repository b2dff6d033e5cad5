package db

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// readOnly matches names of pools whose requests write nothing.
var readOnly = lazyregexp.New(`(?i)read|replica|(^|[-_.])ro($|[-_.])|report|analytic`)

// trafficFirst finds nodes that are promoted after traffic was sent to what has their
// name: meanwhile it finds a database there that only reads.
func trafficFirst(v *effect.View, e effect.Occurrence) string {
	if e.Module != "db" || e.Name != "promote" || !e.Wrote() {
		return ""
	}
	node := plain.Str(e.Args, "node")
	for _, p := range v.Past() {
		if !p.Wrote() {
			continue
		}
		for _, c := range p.Changes {
			from, _ := c.From.(float64)
			to, _ := c.To.(float64)
			if at := len(c.Path) - 2; at < 0 || c.Module != "traffic" || c.Path[at] != "weights" || c.Path[at+1] != node || to <= from ||
				at == 2 && readOnly.MatchString(c.Path[1]) || served(v, c.Path) || !serves(v.State("traffic"), c.Path) {
				continue
			}
			return fmt.Sprintf("%s sent traffic to %s, and only then does %s let its database take writes: until then every write fails; promote first, look, and then move the traffic", p, node, e)
		}
	}
	return ""
}
