package haproxy

import (
	"context"
	"fmt"
	"strings"
)

// reading is what every process of HAProxy reported about one pool.
type reading struct {
	clients []*client
	pools   []*pool // one a client, in the same order
}

// read asks every process for a pool. The first that cannot be read fails it:
// what it does with its requests is not known then.
func (b *Backend) read(ctx context.Context, name string) (*reading, error) {
	r := &reading{clients: b.clients}
	for _, c := range b.clients {
		p, err := readPool(ctx, c, name, b.aliases, name == b.pool)
		if err != nil {
			return nil, err
		}
		r.pools = append(r.pools, p)
	}
	return r, nil
}

// weights returns the shares in the form of the contract. Each process is
// taken to serve as many requests as the others.
func (r *reading) weights() map[string]any {
	out := map[string]any{"weights": r.mean((*pool).share), "configured": r.mean((*pool).configured)}
	if d := r.difference(); d != "" {
		out["drift"] = d
	}
	return out
}

// mean returns a share of each server, by the name that scripts use.
func (r *reading) mean(share func(*pool, *server) float64) map[string]any {
	sums := map[string]float64{}
	for _, p := range r.pools {
		for _, s := range p.servers {
			sums[s.name] += share(p, s)
		}
	}
	out := make(map[string]any, len(sums))
	for name, sum := range sums {
		out[name] = sum / float64(len(r.pools))
	}
	return out
}

// difference says in what a process is set otherwise than the first one; ""
// if they are alike.
func (r *reading) difference() string {
	var diff []string
	first := r.pools[0]
	for i, p := range r.pools[1:] {
		for _, s := range first.servers {
			other := p.byReal(s.real)
			switch {
			case other == nil:
				diff = append(diff, fmt.Sprintf("%s is missing at %s", s.label(), r.clients[i+1].address))
			case other.weight != s.weight || other.enabled() != s.enabled():
				diff = append(diff, fmt.Sprintf("%s has weight %d%s at %s and %d%s at %s", s.label(), s.weight, s.taken(), r.clients[0].address,
					other.weight, other.taken(), r.clients[i+1].address))
			}
		}
		for _, s := range p.servers {
			if first.byReal(s.real) == nil {
				diff = append(diff, fmt.Sprintf("%s is missing at %s", s.label(), r.clients[0].address))
			}
		}
	}
	if len(diff) == 0 {
		return ""
	}
	return "the processes of HAProxy differ: " + strings.Join(diff, ", ")
}

// taken returns ", drain" of a server that someone took out.
func (s *server) taken() string {
	switch {
	case s.admin&adminMaint != 0:
		return ", maint"
	case s.admin&adminDrain != 0:
		return ", drain"
	}
	return ""
}

// servers returns the servers in the form of traffic.servers: those of the
// first process, with what the others have to add.
func (r *reading) servers() map[string]any {
	shares, configured := r.mean((*pool).share), r.mean((*pool).configured)
	var out []any
	for _, name := range r.pools[0].names() {
		group, _ := r.pools[0].find(name)
		var seen []state
		sessions, backup := 0, true
		for _, s := range group {
			one := r.state(s)
			seen, sessions, backup = append(seen, one), sessions+one.sessions, backup && s.backup
		}
		status, notes := together(seen)
		entry := map[string]any{"name": name, "weight": shares[name], "configured": configured[name], "status": status, "sessions": float64(sessions)}
		if backup {
			entry["backup"] = true
		}
		if notes != "" {
			entry["note"] = notes
		}
		out = append(out, entry)
	}
	v := map[string]any{"servers": out}
	if d := r.difference(); d != "" {
		v["drift"] = d
	}
	return v
}

// state is what all processes tell of one server.
type state struct {
	*server
	status   string
	sessions int
	notes    []string
}

// state returns what the first process tells of a server, with what the others have
// to add.
func (r *reading) state(s *server) state {
	one := state{server: s, status: s.status(), sessions: s.sessions}
	if n := s.note(); n != "" {
		one.notes = append(one.notes, n)
	}
	for j, p := range r.pools[1:] {
		other := p.byReal(s.real)
		if other == nil {
			one.notes = append(one.notes, "missing at "+r.clients[j+1].address)
			continue
		}
		one.sessions += other.sessions
		if is := other.status(); is != s.status() {
			one.notes = append(one.notes, fmt.Sprintf("%s at %s, %s at %s", s.status(), r.clients[0].address, is, r.clients[j+1].address))
			if one.status == "up" {
				one.status = is
			}
		}
	}
	return one
}

// slow tells which servers do not take yet what their weights say.
func (r *reading) slow() []string {
	var lines []string
	for i, p := range r.pools {
		for _, s := range p.servers {
			if s.status() != "up" || s.effective >= s.weight {
				continue
			}
			line := fmt.Sprintf("%s is in slow start: it takes %s now, and %s when it is through", s.label(), percent(p.share(s)), percent(p.configured(s)))
			if len(r.pools) > 1 {
				line += " (" + r.clients[i].address + ")"
			}
			lines = append(lines, line)
		}
	}
	return lines
}
