package traffic

import (
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// pool is a pool of servers in the simulated world. It refuses what
// real proxies, and the backend before them, refuse.
type pool struct {
	name     string
	scale    int // the weight that 100% stands for
	servers  map[string]*server
	assumed  bool // nobody declared it
	complete bool // its servers are all known
	drifted  bool // it was reloaded, and has not been divided anew

	allBackups bool // they share the requests; else the first that can takes them all

	foreign []foreign // what others set, in order
	met     int       // how many of them have come

	sessions  time.Duration // in which what is under way ends at a server that gets nothing new
	slowStart time.Duration // in which a server that came up gets to its weight; 0 for at once
}

// server is a server of a pool.
type server struct {
	weight int    // as set
	order  int    // among the servers, as they are listed
	backup bool   // it takes requests only when no other server can
	health any    // "up", "down", or a Func that returns a status
	admin  string // "", "drain" or "maint"
	seen   string // the status, once look has been called
	found  bool   // the status is what the real proxy said before the run

	stopped   bool      // it was down or in maintenance when it was last looked at
	up        time.Time // when it was seen to come up; zero if it was up at first
	effective int       // the weight that counts, once look has been called

	left  time.Time // when it got no new requests any more; zero if it never had any, or has them
	share float64   // what it took until then, in percent

	file      int    // the weight of the configuration file, which a reload brings back
	fileAdmin string // likewise
	forgot    bool   // a reload has forgotten what was set as admin
}

// setStatus takes a status as a scenario or a proxy tells it.
func (s *server) setStatus(status any) {
	switch status {
	case nil, "":
		return
	case "drain", "maint":
		s.admin = status.(string)
		if _, told := s.health.(effect.Func); !told {
			s.health = "up"
		}
	default:
		s.health, s.admin = status, ""
	}
}

// capacity is the weight that counts when requests are divided.
func (s *server) capacity() int {
	if s.seen != "up" {
		return 0
	}
	return s.effective
}

// slowSteps is in how many steps HAProxy lets a server's weight grow.
const slowSteps = 16

// warm returns the weight that counts of a server which came up a while ago.
func (s *server) warm(slow time.Duration, now time.Time) int {
	since := now.Sub(s.up)
	if slow <= 0 || s.up.IsZero() || since >= slow {
		return s.weight
	}
	step := 1 + int(slowSteps*max(since, 0)/slow)
	return (s.weight*step + slowSteps - 1) / slowSteps
}

// written takes what the server is now for what the configuration file says.
func (s *server) written() { s.file, s.fileAdmin = s.weight, s.admin }

// configured is the weight that counts when the server is healthy: what was
// set, unless someone took it out.
func (s *server) configured() int {
	if s.admin != "" {
		return 0
	}
	return s.weight
}

func (p *pool) clone() *pool {
	c := *p
	c.servers = make(map[string]*server, len(p.servers))
	for name, s := range p.servers {
		copied := *s
		c.servers[name] = &copied
	}
	return &c
}

// recover takes servers that were found down before the run to be up once it
// has changed something: what it did may be just what brings them up, the
// deployment of a new version above all. It returns what it takes for granted.
func (p *pool) recover() []string {
	var doubts []string
	for _, name := range plain.SortedNames(p.servers) {
		if s := p.servers[name]; s.found && s.health == "down" {
			s.health, s.found = "up", false
			doubts = append(doubts, "server "+name+", which is down now, is up by then")
		}
	}
	return doubts
}

// reload lets the proxy forget what was set since the simulation began. It
// reports whether that was something.
func (p *pool) reload() bool {
	forgot := false
	for _, s := range p.servers {
		s.forgot = s.forgot || s.admin != s.fileAdmin
		p.drifted = p.drifted || s.weight != s.file
		forgot = forgot || s.weight != s.file || s.admin != s.fileAdmin
		s.weight, s.admin = s.file, s.fileAdmin
	}
	return forgot
}

// admit returns the server of that name, which it adds if need be. The
// configuration file, if nobody has told of it, gives all the same weight.
func (p *pool) admit(name string) *server {
	if p.servers[name] == nil {
		p.servers[name] = &server{health: "up", file: 1}
	}
	return p.servers[name]
}

// load takes what a scenario says of the pool.
func (p *pool) load(s map[string]any) *effect.FieldError {
	if scale, ok := s["scale"].(float64); ok {
		p.scale = int(scale)
	}
	if all, ok := s["all_backups"].(bool); ok {
		p.allBackups = all
	}
	if slow, ok := s["slow_start"].(float64); ok {
		p.slowStart = effect.Seconds(slow)
	}
	if length, ok := s["sessions"].(float64); ok {
		p.sessions = effect.Seconds(length)
	}
	if changes, ok := s["changes"].([]any); ok {
		p.loadForeign(changes)
	}
	if s["servers"] == nil && s["weights"] == nil {
		return nil
	}
	p.assumed, p.complete = false, true
	servers := plain.Table(s, "servers")
	for _, name := range plain.SortedNames(servers) {
		of := plain.Table(servers, name)
		server := p.admit(name)
		if w, ok := of["weight"].(float64); ok {
			server.weight = p.weightOf(w)
		}
		if backup, ok := of["backup"].(bool); ok {
			server.backup = backup
		}
		server.setStatus(of["status"])
		server.written()
	}
	weights, ok := s["weights"].(map[string]any)
	if !ok {
		return nil
	}
	sum := 0.0
	for _, server := range p.servers {
		if !server.backup {
			server.weight = 0
		}
	}
	for name, v := range weights {
		share := v.(float64)
		sum += share
		p.admit(name).weight = p.weightOf(share)
	}
	for _, server := range p.servers {
		server.written()
	}
	if math.Abs(sum-100) > 1e-6 {
		return &effect.FieldError{Path: "weights", Problem: fmt.Sprintf("the shares add up to %v, not 100", sum)}
	}
	return nil
}

// look finds the status of each server out, and what its weight counts: one
// that has come up since the last look begins slowly. The error is the first one; a
// server whose status cannot be told counts as it would without the scenario.
func (p *pool) look(m effect.Moment) (failed *effect.Error) {
	status := effect.Field{Name: "status", Type: effect.Enum, Enum: []string{"up", "down", "drain", "maint"}}
	for _, name := range plain.SortedNames(p.servers) {
		s := p.servers[name]
		v, err := model.ResolveAs(m, status, s.health)
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
		stopped := s.seen == "down" || s.seen == "maint"
		if s.stopped && !stopped {
			s.up = m.Now
		}
		s.stopped, s.effective = stopped, s.warm(p.slowStart, m.Now)
	}
	return failed
}

// seeComingUp takes over from a copy of the pool that was looked at which
// servers have come up, and when: that is remembered although the op changes
// nothing.
func (p *pool) seeComingUp(looked *pool) {
	for name, s := range p.servers {
		if l := looked.servers[name]; l != nil {
			s.stopped, s.up = l.stopped, l.up
		}
	}
}

func (p *pool) find(name string) (*server, *effect.Error) {
	if s := p.servers[name]; s != nil {
		return s, nil
	}
	known := plain.SortedNames(p.servers)
	hint := effect.Among("its servers are ", name, known)
	if p.assumed {
		hint += "; they were taken from the first split: declare others in a scenario, traffic = { servers = { … } }"
	}
	return nil, effect.Errorf(effect.CodeNotFound, "%s has no server %q", poolLabel(p.name), name).WithHint("%s", hint)
}

// divide gives each server its share, and none to those that are not named, unless
// they keep theirs of what is left.
func (p *pool) divide(shares map[string]float64, keeps bool) *effect.Error {
	weights, err := p.weightsFor(shares, keeps)
	if err != nil {
		return err
	}
	if err := p.ableToTake(weights, shares, keeps); err != nil {
		return err
	}
	for name, s := range p.servers {
		if !s.backup {
			s.weight = weights[name]
		}
	}
	p.drifted = false
	for _, s := range p.servers {
		s.forgot = false
	}
	return nil
}

// weightsFor returns the weights of a split.
func (p *pool) weightsFor(shares map[string]float64, keeps bool) (map[string]int, *effect.Error) {
	weights, total := map[string]int{}, 0
	for _, name := range plain.SortedNames(shares) {
		s, err := p.find(name)
		if err != nil {
			return nil, err
		}
		weights[name] = p.weightOf(shares[name])
		if shares[name] > 0 && s.backup {
			return nil, effect.Errorf(effect.CodeConflict, "server %s of %s is a backup: it takes requests only when all others are down", name, poolLabel(p.name)).
				WithHint("leave it out of the split")
		}
		total += weights[name]
	}
	if keeps {
		return p.keep(shares)
	}
	if total == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "no server of %s would take any request", poolLabel(p.name)).
			WithHint("the shares have to add up to 100")
	}
	for _, name := range plain.SortedNames(shares) {
		got := 100 * float64(weights[name]) / float64(total)
		if math.Abs(got-shares[name]) > 0.5 || (shares[name] > 0) != (got > 0) {
			return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be given %.4g%%: weights are whole numbers, and out of a total of %d the nearest gives %.4g%%",
				name, shares[name], p.scale, got).WithHint("ask for whole percents, or give the backend and the scenario a finer scale: up to 256 with HAProxy")
		}
	}
	return weights, nil
}

// keep returns the weights of a split that keeps the others' proportions. A scale
// finer than HAProxy's is that of a proxy which counts in parts of a whole.
func (p *pool) keep(shares map[string]float64) (map[string]int, *effect.Error) {
	k := Kept{Pool: poolLabel(p.name), Named: shares, Others: map[string]int{}, Out: map[string]bool{}}
	for name, s := range p.servers {
		if _, named := shares[name]; !named && !s.backup {
			k.Others[name], k.Out[name] = s.weight, s.admin != ""
		}
	}
	if p.scale > MaxWeight {
		return k.Shares(p.scale)
	}
	return k.Weights(p.scale, nil)
}

// ableToTake refuses weights for servers that are not up. One that is down may
// come up: that is said only if nothing worse is to be said. Of those that keep
// theirs one has to be up.
func (p *pool) ableToTake(weights map[string]int, shares map[string]float64, keeps bool) *effect.Error {
	left := !keeps
	refused := func(name string) *effect.Error {
		return effect.Errorf(effect.CodeConflict, "server %s of %s is to take traffic, and the proxy sees it as %s; nothing changed",
			name, poolLabel(p.name), p.servers[name].seen)
	}
	down := ""
	for _, name := range plain.SortedNames(weights) {
		seen := p.servers[name].seen
		if _, named := shares[name]; !named {
			left = left || weights[name] > 0 && seen == "up"
			continue
		}
		if weights[name] == 0 || seen == "up" {
			continue
		}
		if seen != "down" {
			return refused(name).WithHint("a weight does not bring it back: call traffic.ready { server = %q } first", name)
		}
		if down == "" {
			down = name
		}
	}
	if down == "" && !left {
		e := effect.Errorf(effect.CodeConflict, "none of the servers of %s that are to keep their share is up; nothing changed", poolLabel(p.name))
		e.Retryable = true
		return e.WithHint("the servers named would take everything, or nobody would: wait until traffic.servers {} calls one of the others up")
	}
	if down == "" {
		return nil
	}
	e := refused(down)
	e.Retryable = true // it may be a check or two away from up
	return e.WithHint("the proxy's own health check fails: check the server, and wait until traffic.servers {} calls it up")
}

func (p *pool) drain(name string) *effect.Error {
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
	if p.shares()[name] != 0.0 && left == 0 {
		return effect.Errorf(effect.CodeConflict, "server %s is the last of %s that takes requests; nothing changed", name, poolLabel(p.name)).
			WithHint("move its traffic first, with traffic.switch or traffic.split")
	}
	s.admin, s.forgot = "drain", false
	return nil
}

func (p *pool) ready(name string) *effect.Error {
	s, err := p.find(name)
	if err != nil {
		return err
	}
	s.admin, s.forgot = "", false
	return nil
}

// shares returns the share of new requests of each server: one that is not up
// takes none, a backup only when no other server can.
func (p *pool) shares() map[string]any {
	active := false
	var first *server // of the backups that can
	for _, name := range plain.SortedNames(p.servers) {
		s := p.servers[name]
		active = active || !s.backup && s.capacity() > 0
		if s.backup && s.capacity() > 0 && (first == nil || s.order < first.order) {
			first = s
		}
	}
	return p.divided(func(s *server) int {
		if s.backup == active || s.backup && s != first && !p.allBackups {
			return 0
		}
		return s.capacity()
	})
}

// configured returns the share that each server takes when all are healthy.
func (p *pool) configured() map[string]any {
	return p.divided(func(s *server) int {
		if s.backup {
			return 0
		}
		return s.configured()
	})
}

func (p *pool) divided(weight func(*server) int) map[string]any {
	total := 0
	for _, s := range p.servers {
		total += weight(s)
	}
	out := make(map[string]any, len(p.servers))
	for name, s := range p.servers {
		out[name] = 0.0
		if total > 0 {
			out[name] = 100 * float64(weight(s)) / float64(total)
		}
	}
	return out
}

// list returns the servers in the form of traffic.servers.
func (p *pool) list(now time.Time) []any {
	shares, configured := p.shares(), p.configured()
	out := []any{}
	for _, name := range plain.SortedNames(p.servers) {
		s := p.servers[name]
		entry := map[string]any{"name": name, "weight": shares[name], "configured": configured[name], "status": s.seen, "sessions": p.underWay(s, shares[name].(float64), now)}
		if s.backup {
			entry["backup"] = true
		}
		if s.seen == "up" && s.effective < s.weight {
			entry["note"] = fmt.Sprintf("slow start: weight %d of %d", s.effective, s.weight)
		}
		out = append(out, entry)
	}
	return out
}

func (p *pool) state(now time.Time) map[string]any {
	shares := p.shares()
	servers := make(map[string]any, len(p.servers))
	drifted := p.drifted
	for name, s := range p.servers {
		servers[name] = map[string]any{"weight": shares[name], "status": s.seen, "sessions": p.underWay(s, shares[name].(float64), now)}
		drifted = drifted || s.forgot
	}
	out := map[string]any{"weights": maps.Clone(shares), "servers": servers}
	if p.assumed {
		out["assumed"] = true
	}
	if drifted {
		out["drifted"] = true
	}
	return out
}
