package haproxy

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Bits of srv_admin_state that no command on the server itself takes away.
const (
	adminInherited = 0x02 | 0x10 // from a server that it tracks
	adminNoAddress = 0x20 | 0x40 // its name does not resolve
)

// admission lets one server take new requests, or not.
type admission struct {
	real  string // HAProxy's name of the server
	state string // "drain" or "ready"
}

func (a *admission) missing(p *pool) string {
	s := p.byReal(a.real)
	switch {
	case s == nil:
		return fmt.Sprintf("server %s is gone from pool %s", a.real, p.name)
	case a.state == "drain" && !s.drained() || a.state == "ready" && !s.enabled():
		return fmt.Sprintf("%s is %s, asked was %s", s.label(), s.status(), a.state)
	}
	return ""
}

func (a *admission) allowed(p *pool) error {
	s := p.byReal(a.real)
	if a.missing(p) == "" {
		return nil
	}
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
	left, had := 0, p.share(s) > 0
	for _, other := range p.servers {
		if other != s {
			left += other.capacity()
		}
	}
	if had && left == 0 {
		return effect.Errorf(effect.CodeConflict, "server %s is the last of pool %s that takes requests; nothing changed", s.label(), p.name).
			WithHint("move its traffic first, with traffic.switch or traffic.split")
	}
	return nil
}

func (a *admission) commands(p *pool) []string {
	if a.missing(p) == "" {
		return nil
	}
	return []string{fmt.Sprintf("set server %s/%s state %s", p.name, a.real, a.state)}
}

func (a *admission) change(p *pool) effect.Prediction {
	s := p.byReal(a.real)
	return effect.Prediction{Target: fmt.Sprintf("server %s of pool %s", s.name, p.name), From: s.status(), To: a.state}
}
