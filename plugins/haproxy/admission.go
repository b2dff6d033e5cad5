package haproxy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Bits of srv_admin_state that no command on the server itself takes away.
const (
	adminInherited = 0x02 | 0x10 // from a server that it tracks
	adminNoAddress = 0x20 | 0x40 // its name does not resolve
)

// admission lets a server, or those of a group, take new requests, or not.
type admission struct {
	name  string   // as scripts call it
	reals []string // HAProxy's names of the servers
	state string   // "drain" or "ready"
}

func (a *admission) missing(p *pool) string {
	var diff []string
	for _, real := range a.reals {
		if m := a.missingOf(p, real); m != "" {
			diff = append(diff, m)
		}
	}
	return strings.Join(diff, ", ")
}

func (a *admission) missingOf(p *pool, real string) string {
	s := p.byReal(real)
	switch {
	case s == nil:
		return fmt.Sprintf("server %s is gone from pool %s", real, p.name)
	case a.state == "drain" && !s.drained() || a.state == "ready" && !s.enabled():
		return fmt.Sprintf("%s is %s, asked was %s", s.label(), s.status(), a.state)
	}
	return ""
}

func (a *admission) allowed(p *pool) error {
	for _, real := range a.reals {
		if a.missingOf(p, real) == "" {
			continue
		}
		if err := a.allowedOf(p, p.byReal(real)); err != nil {
			return err
		}
	}
	return nil
}

func (a *admission) allowedOf(p *pool, s *server) error {
	if a.state == "drain" {
		return a.drainable(p, s)
	}
	switch {
	case s.admin&adminNoAddress != 0:
		return effect.Errorf(effect.CodeConflict, "server %s of pool %s is in maintenance because HAProxy cannot resolve its address; nothing changed",
			s.label(), p.name).WithHint("mend the name or the resolver; HAProxy takes the server back by itself")
	case s.admin&adminInherited != 0:
		return effect.Errorf(effect.CodeConflict, "server %s of pool %s is %s because the server that it tracks is; nothing changed",
			s.label(), p.name, s.status()).WithHint("make the tracked server ready (`track` in haproxy.cfg names it)")
	}
	return nil
}

func (a *admission) drainable(p *pool, s *server) error {
	if s.status() == "maint" {
		return effect.Errorf(effect.CodeConflict, "server %s of pool %s is in maintenance; draining would let it out, nothing changed",
			s.label(), p.name).WithHint("it takes no requests as it is; call traffic.ready first if the maintenance is over")
	}
	left, had := 0, false
	for _, other := range p.servers {
		if slices.Contains(a.reals, other.real) {
			had = had || p.share(other) > 0
		} else {
			left += other.capacity()
		}
	}
	if had && left == 0 {
		name := s.label()
		if len(a.reals) > 1 {
			name = a.name
		}
		return effect.Errorf(effect.CodeConflict, "server %s is the last of pool %s that takes requests; nothing changed", name, p.name).
			WithHint("move its traffic first, with traffic.switch or traffic.split")
	}
	return nil
}

func (a *admission) commands(p *pool) []string {
	var list []string
	for _, real := range a.reals {
		if a.missingOf(p, real) != "" {
			list = append(list, fmt.Sprintf("set server %s/%s state %s", p.name, real, a.state))
		}
	}
	return list
}

func (a *admission) change(p *pool) effect.Prediction {
	var from []string
	for _, real := range a.reals {
		if status := p.byReal(real).status(); !slices.Contains(from, status) {
			from = append(from, status)
		}
	}
	return effect.Prediction{Target: fmt.Sprintf("server %s of pool %s", a.name, p.name), From: strings.Join(from, ", "), To: a.state}
}
