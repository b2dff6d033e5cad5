package hosts

import (
	"maps"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

const (
	unreachable = "unreachable"
	lost        = "connection-lost"
	breaks      = "fails-on-one"
	nobody      = "none-reachable"
)

func faults() []effect.FaultKind {
	return []effect.FaultKind{
		{Name: unreachable, Doc: "The first of the hosts cannot be reached, for five seconds", Ops: []string{"run", "copy", "read", "service"}},
		{Name: lost, Doc: "The connection breaks after the request was sent to the first of the hosts", Ops: []string{"run", "copy", "service"}, Writes: true},
		{Name: breaks, Doc: "The command or the copy fails on the first of the hosts, once, or its service ends there and does not come up the first time, or refuses to be reloaded", Ops: []string{"run", "copy", "service"}, Writes: true},
		{Name: nobody, Doc: "A look that goes on where a host fails (`partial`) reaches none of them", Ops: []string{"run", "read", "service"}, Answers: true},
	}
}

// away is how long a fault keeps a host from being reached: a rollback that is
// tried again later reaches it.
const away = 5 * time.Second

// Break implements effect.Breaker. No part is bad afterwards: hosts come back, and
// services can be started again.
func (x *Model) Break(kind, op string, args map[string]any) string {
	chosen, e := x.choose(op, args)
	if e != nil {
		return ""
	}
	h := chosen[0]
	switch kind {
	case unreachable:
		h.leaves, h.back = true, time.Time{}
	case lost:
		h.lost = true
	case breaks:
		h.broken = maps.Clone(h.broken)
		if op == "run" {
			h.broken[commandLine(args)] = true
			break
		}
		if op == "copy" {
			h.broken[written(args)] = true
			break
		}
		unit := unitName(plain.Str(args, "name"))
		if _, known := h.services[unit]; !known && !h.learned {
			break
		}
		h.broken[unit] = true
		if plain.Str(args, "action") == "reload" {
			break // what refuses its new files goes on with the old ones
		}
		h.services = maps.Clone(h.services)
		h.services[unit] = "failed"
	}
	return ""
}

// meet lets hosts leave and come back.
func (h *machine) meet(now time.Time) {
	if h.leaves {
		h.leaves, h.back = false, now.Add(away)
	}
}

// gone reports whether the host cannot be reached.
func (h *machine) gone(now time.Time) bool { return h.down || now.Before(h.back) }

// Twist implements effect.Twister: a look at hosts of which none can be reached.
func (x *Model) Twist(kind, _ string, args map[string]any, value any) any {
	told, _ := value.(map[string]any)
	hosts := plain.Table(told, "hosts")
	if kind != nobody || args["partial"] != true || len(hosts) == 0 {
		return nil
	}
	out, other := maps.Clone(told), map[string]any{}
	for name := range hosts {
		other[name] = awayNow()
	}
	out["hosts"] = other
	return out
}

// awayNow is what is told of a host that cannot be reached.
func awayNow() map[string]any {
	return map[string]any{"error": "it cannot be reached", "failure": string(effect.CodeUnavailable)}
}
