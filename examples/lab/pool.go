package lab

import (
	"sync"
	"time"
)

// pool is the proxy's backend: its servers and who gets the next request.
type pool struct {
	name  string
	began time.Time

	mu      sync.Mutex
	servers []*server
	counts  counters
	up      bool // whether any server is usable
	changed time.Time
	downFor time.Duration
}

// ServerState is a server as the proxy sees it.
type ServerState struct {
	Name     string `json:"name"`
	Weight   int    `json:"weight"` // 0 to 256
	Status   string `json:"status"` // as in HAProxy: UP, DOWN, DRAIN, MAINT, "UP 1/2"
	Sessions int    `json:"sessions"`
	Total    uint64 `json:"total"` // requests so far
}

func newPool(name string, servers []*server, now time.Time) *pool {
	for i, s := range servers {
		s.id, s.weight, s.health, s.changed = i+1, s.initial, checkRise, now
	}
	p := &pool{name: name, began: now, changed: now, servers: servers}
	p.settle(now)
	p.counts.downs = 0
	return p
}

// pick chooses the server for a new request and opens a session on it. It
// returns nil if no server is usable. A server to avoid is one that the same
// request already failed to reach.
//
// The choice is a smooth weighted round robin: with weights 90 and 10 every
// ten requests in a row go nine to one.
func (p *pool) pick(avoid *server) *server {
	p.mu.Lock()
	defer p.mu.Unlock()
	var best *server
	total := 0
	for _, s := range p.servers {
		if !s.usable() || s == avoid {
			continue
		}
		if avoid == nil {
			s.current += s.weight
			total += s.weight
		}
		if best == nil || s.current > best.current {
			best = s
		}
	}
	if best == nil {
		return nil
	}
	if avoid == nil {
		best.current -= total
		p.counts.begin()
		p.counts.chosen++
	} else {
		avoid.counts.redispatched++
		p.counts.redispatched++
	}
	best.counts.chosen++
	best.counts.begin()
	return best
}

// update runs f under the lock and then sees to what follows from a change of
// weights or states.
func (p *pool) update(f func(now time.Time)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	before := p.shares()
	f(now)
	for i, w := range p.shares() {
		if w != before[i] {
			// A new division starts from scratch, so that it is exact from
			// its first request on.
			for _, s := range p.servers {
				s.current = 0
			}
			break
		}
	}
	p.settle(now)
}

// shares returns the weight with which each server counts at present.
func (p *pool) shares() []int {
	list := make([]int, len(p.servers))
	for i, s := range p.servers {
		if s.usable() {
			list[i] = s.weight
		}
	}
	return list
}

// settle keeps the pool's own state; the lock is held.
func (p *pool) settle(now time.Time) {
	up := false
	for _, s := range p.servers {
		up = up || s.usable()
	}
	if up == p.up {
		return
	}
	if up {
		p.downFor += now.Sub(p.changed)
	} else {
		p.counts.downs++
	}
	p.up, p.changed = up, now
}

// read runs f under the lock.
func (p *pool) read(f func(now time.Time)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(time.Now())
}

// find returns the server of that name, or nil. Names never change, so no lock
// is needed.
func (p *pool) find(name string) *server {
	for _, s := range p.servers {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (p *pool) state() []ServerState {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []ServerState
	for _, s := range p.servers {
		list = append(list, ServerState{Name: s.name, Weight: s.weight, Status: s.status(),
			Sessions: s.counts.sessions, Total: s.counts.total})
	}
	return list
}
