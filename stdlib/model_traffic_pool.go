package stdlib

import (
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// trafficPool is a pool of servers in the simulated world. It refuses what
// real proxies, and the backend before them, refuse.
type trafficPool struct {
	name     string
	scale    int // the weight that 100% stands for
	servers  map[string]*trafficServer
	assumed  bool // nobody declared it
	complete bool // its servers are all known
}

// trafficServer is a server of a pool.
type trafficServer struct {
	weight int
	health any    // "up", "down", or a Func that returns a status
	admin  string // "", "drain" or "maint"
	seen   string // the status, once look has been called
	found  bool   // the status is what the real proxy said before the run
}

// setStatus takes a status as a scenario or a proxy tells it.
func (s *trafficServer) setStatus(status any) {
	switch status {
	case nil, "":
		return
	case "drain", "maint":
		s.health, s.admin = "up", status.(string)
	default:
		s.health, s.admin = status, ""
	}
}

// capacity is the weight that counts when requests are divided.
func (s *trafficServer) capacity() int {
	if s.seen != "up" {
		return 0
	}
	return s.weight
}

func (p *trafficPool) clone() *trafficPool {
	c := *p
	c.servers = make(map[string]*trafficServer, len(p.servers))
	for name, s := range p.servers {
		copied := *s
		c.servers[name] = &copied
	}
	return &c
}

// recover takes servers that were found down before the run to be up once it
// has changed something: what it did may be just what brings them up, the
// deployment of a new version above all. It returns what it takes for granted.
func (p *trafficPool) recover() []string {
	var doubts []string
	for _, name := range sortedNames(p.servers) {
		if s := p.servers[name]; s.found && s.health == "down" {
			s.health, s.found = "up", false
			doubts = append(doubts, "server "+name+", which is down now, is up by then")
		}
	}
	return doubts
}

// admit returns the server of that name, which it adds if need be.
func (p *trafficPool) admit(name string) *trafficServer {
	if p.servers[name] == nil {
		p.servers[name] = &trafficServer{health: "up"}
	}
	return p.servers[name]
}

// load takes what a scenario says of the pool.
func (p *trafficPool) load(s map[string]any) *effect.FieldError {
	if scale, ok := s["scale"].(float64); ok {
		p.scale = int(scale)
	}
	p.assumed, p.complete = false, true
	servers := table(s, "servers")
	for _, name := range sortedNames(servers) {
		of := table(servers, name)
		server := p.admit(name)
		if w, ok := of["weight"].(float64); ok {
			server.weight = p.weightOf(w)
		}
		server.setStatus(of["status"])
	}
	weights, ok := s["weights"].(map[string]any)
	if !ok {
		return nil
	}
	sum := 0.0
	for _, server := range p.servers {
		server.weight = 0
	}
	for name, v := range weights {
		share := v.(float64)
		sum += share
		p.admit(name).weight = p.weightOf(share)
	}
	if math.Abs(sum-100) > 1e-6 {
		return &effect.FieldError{Path: "weights", Problem: fmt.Sprintf("the shares add up to %v, not 100", sum)}
	}
	return nil
}

// look finds the status of each server out. The error is the first one; a
// server whose status cannot be told counts as it would without the scenario.
func (p *trafficPool) look(m effect.Moment) (failed *effect.Error) {
	status := effect.Field{Name: "status", Type: effect.Enum, Enum: []string{"up", "down", "drain", "maint"}}
	for _, name := range sortedNames(p.servers) {
		s := p.servers[name]
		v, err := resolveAs(m, status, s.health)
		if err != nil && failed == nil {
			failed = err
		}
		s.seen, _ = v.(string)
		switch {
		case s.seen == "maint" || s.admin == "maint":
			s.seen = "maint"
		case s.seen == "down":
		case s.seen == "drain" || s.admin == "drain":
			s.seen = "drain"
		default:
			s.seen = "up"
		}
	}
	return failed
}

func (p *trafficPool) find(name string) (*trafficServer, *effect.Error) {
	if s := p.servers[name]; s != nil {
		return s, nil
	}
	known := sortedNames(p.servers)
	hint := "its servers are " + strings.Join(known, ", ")
	if near := effect.DidYouMean(name, known); near != "" {
		hint = near + " " + hint
	}
	if p.assumed {
		hint += "; they were taken from the first split: declare others in a scenario, traffic = { servers = { … } }"
	}
	return nil, effect.Errorf(effect.CodeNotFound, "%s has no server %q", poolLabel(p.name), name).WithHint("%s", hint)
}

// divide gives each server its share, and none to those that are not named.
func (p *trafficPool) divide(shares map[string]float64) *effect.Error {
	weights, total := map[string]int{}, 0
	for _, name := range sortedNames(shares) {
		if _, err := p.find(name); err != nil {
			return err
		}
		weights[name] = p.weightOf(shares[name])
		total += weights[name]
	}
	if total == 0 {
		return effect.Errorf(effect.CodeInvalid, "no server of %s would take any request", poolLabel(p.name)).
			WithHint("the shares have to add up to 100")
	}
	for _, name := range sortedNames(shares) {
		got := 100 * float64(weights[name]) / float64(total)
		if math.Abs(got-shares[name]) > 0.5 || (shares[name] > 0) != (got > 0) {
			return effect.Errorf(effect.CodeInvalid, "%s cannot be given %.4g%%: weights are whole numbers, and out of a total of %d the nearest gives %.4g%%",
				name, shares[name], p.scale, got).WithHint("ask for whole percents, or give the backend and the scenario a finer scale, up to 256")
		}
	}
	for _, name := range sortedNames(weights) {
		s := p.servers[name]
		if weights[name] == 0 || s.seen == "up" {
			continue
		}
		e := effect.Errorf(effect.CodeConflict, "server %s of %s is to take traffic, and the proxy sees it as %s; nothing changed", name, poolLabel(p.name), s.seen)
		if s.seen == "down" {
			e.Retryable = true // it may be a check or two away from up
			return e.WithHint("the proxy's own health check fails: check the server, and wait until traffic.servers {} calls it up")
		}
		return e.WithHint("a weight does not bring it back: call traffic.ready { server = %q } first", name)
	}
	for name, s := range p.servers {
		s.weight = weights[name]
	}
	return nil
}

func (p *trafficPool) drain(name string) *effect.Error {
	s, err := p.find(name)
	switch {
	case err != nil:
		return err
	case s.admin == "drain" && s.seen != "maint":
		return nil
	case s.seen == "maint":
		return effect.Errorf(effect.CodeConflict, "server %s of %s is in maintenance; draining would let it out, nothing changed", name, poolLabel(p.name)).
			WithHint("it takes no requests as it is; call traffic.ready first if the maintenance is over")
	}
	left := 0
	for _, other := range p.servers {
		if other != s {
			left += other.capacity()
		}
	}
	if s.capacity() > 0 && left == 0 {
		return effect.Errorf(effect.CodeConflict, "server %s is the last of %s that takes requests; nothing changed", name, poolLabel(p.name)).
			WithHint("move its traffic first, with traffic.switch or traffic.split")
	}
	s.admin = "drain"
	if s.seen == "up" {
		s.seen = "drain"
	}
	return nil
}

func (p *trafficPool) ready(name string) *effect.Error {
	s, err := p.find(name)
	if err != nil {
		return err
	}
	s.admin = ""
	if h, ok := s.health.(string); ok {
		s.seen = h
	}
	return nil
}

// shares returns the share of each server; one that is not up takes none.
func (p *trafficPool) shares() map[string]any {
	total := 0
	for _, s := range p.servers {
		total += s.capacity()
	}
	out := make(map[string]any, len(p.servers))
	for name, s := range p.servers {
		out[name] = 0.0
		if total > 0 {
			out[name] = 100 * float64(s.capacity()) / float64(total)
		}
	}
	return out
}

// list returns the servers in the form of traffic.servers.
func (p *trafficPool) list() []any {
	shares := p.shares()
	out := []any{}
	for _, name := range sortedNames(p.servers) {
		out = append(out, map[string]any{"name": name, "weight": shares[name], "status": p.servers[name].seen, "sessions": 0.0})
	}
	return out
}

func (p *trafficPool) state() map[string]any {
	shares := p.shares()
	servers := make(map[string]any, len(p.servers))
	for name, s := range p.servers {
		servers[name] = map[string]any{"weight": shares[name], "status": s.seen}
	}
	out := map[string]any{"weights": maps.Clone(shares), "servers": servers}
	if p.assumed {
		out["assumed"] = true
	}
	return out
}
