package recordset

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/dns"
)

// freshTTL is the time to live of a new set for which the call names none.
const freshTTL = 300

// tries is how often a set is read and changed again when somebody else changed
// it in between.
const tries = 5

// change is one call: a record set, and what is to become of it.
type change struct {
	*settings
	ctx            context.Context
	args           map[string]any
	name, kind, in string // in: the zone that the call names; "" for none
	sets           map[string][]string
	zone           *Zone // once it is found
}

func (c *change) title() string { return c.name + " " + c.kind }

func (c *change) values(name string) []string { return c.sets[name] }

func same(a, b []string) bool { return slices.Equal(a, b) }

// records carries out dns.records.
func (c *change) records() (map[string]any, *effect.Error) {
	resolver, _ := c.args["resolver"].(string)
	var seen *Set
	var e *effect.Error
	switch resolver {
	case "":
		seen, e = c.look(false)
	case all:
		seen, e = c.agreed()
	default:
		seen, e = c.client.Look(c.ctx, c.resolver(resolver), c.name, c.kind)
	}
	if e != nil {
		return nil, e
	}
	return map[string]any{"values": list(seen.Values), "ttl": float64(seen.TTL)}, nil
}

// agreed reads the set from all authoritative servers, which have to hold the
// same.
func (c *change) agreed() (*Set, *effect.Error) {
	if e := c.find(); e != nil {
		return nil, e
	}
	peers, e := c.authorities()
	if e != nil {
		return nil, e
	}
	var first *Set
	for _, p := range peers {
		seen, e := c.client.Look(c.ctx, p, c.name, c.kind)
		if e != nil {
			return nil, e
		}
		if first != nil && !same(first.Values, seen.Values) {
			e := effect.Errorf(effect.CodeConflict, "the authoritative servers do not agree on %s: %s has %s, %s has %s", c.title(),
				peers[0].Name, orNothing(first.Values), p.Name, orNothing(seen.Values)).WithHint("secondaries follow within moments of a NOTIFY; see whether the zone is transferred")
			e.Retryable = true
			return nil, e
		}
		if first == nil {
			first = seen
		}
	}
	return first, nil
}

// authorities returns all authoritative servers of the zone: those of the
// keeper, and those of the configuration or of the zone.
func (c *change) authorities() ([]Peer, *effect.Error) {
	peers, known := c.keeper.Peers(), map[string]bool{}
	for _, p := range peers {
		known[p.Address] = true
	}
	add := func(name, address string) {
		if !known[address] {
			known[address] = true
			peers = append(peers, Peer{Name: name, Address: address})
		}
	}
	if c.listed {
		for _, a := range c.servers {
			add("the server "+a, a)
		}
	} else {
		names := c.zone.Servers
		if names == nil {
			ns, e := c.keeper.Look(c.ctx, c.zone, c.zone.Name, "NS", false)
			if e != nil {
				return nil, e
			}
			names = ns.Values
		}
		for _, name := range names {
			addresses, err := c.addresses(name)
			if err != nil {
				return nil, effect.Errorf(effect.CodeUnavailable, "the zone %s has the server %s, and its address cannot be found: %v", c.zone.Name, name, err).
					WithHint("name the servers in the configuration of %s: servers", c.backend)
			}
			for _, a := range addresses {
				if net.ParseIP(a) != nil {
					add(fmt.Sprintf("the server %s (%s)", name, a), net.JoinHostPort(a, "53"))
				}
			}
		}
	}
	if len(peers) == 0 {
		return nil, effect.Errorf(effect.CodeNotFound, "the zone %s has no authoritative server: it holds no NS records", c.zone.Name).
			WithHint("name the servers in the configuration of %s: servers", c.backend)
	}
	return peers, nil
}

// addresses returns those of a server: as the zone itself has them, or as the
// machine resolves its name.
func (c *change) addresses(name string) ([]string, error) {
	if strings.HasSuffix(name, "."+c.zone.Name) {
		if own, e := c.keeper.Look(c.ctx, c.zone, name, "A", false); e == nil && len(own.Values) > 0 {
			return own.Values, nil
		}
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.client.Timeout)
	defer cancel()
	return net.DefaultResolver.LookupHost(ctx, name)
}

// find finds the zone that holds the name, once.
func (c *change) find() (e *effect.Error) {
	if c.zone != nil {
		return nil
	}
	at, whole := c.name, c.in != ""
	if whole {
		if e := c.mayHave(c.in); e != nil {
			return e
		}
		if c.name != c.in && !strings.HasSuffix(c.name, "."+c.in) {
			return effect.Errorf(effect.CodeNotFound, "%s is not in the zone %s; nothing was sent", c.name, c.in).WithHint("mend zone, or leave it out: it is found from the name")
		}
		at = c.in
	}
	z, e := c.keeper.Find(c.ctx, at, whole)
	if e != nil {
		return e
	}
	if e := c.mayHave(z.Name); e != nil {
		return e
	}
	c.zone = z
	return nil
}

// look reads the set as it is kept.
func (c *change) look(beside bool) (*Set, *effect.Error) {
	if e := c.find(); e != nil {
		return nil, e
	}
	return c.keeper.Look(c.ctx, c.zone, c.name, c.kind, beside)
}

// set carries out dns.set.
func (c *change) set() (map[string]any, *effect.Error) {
	return c.absolute(c.values("values"))
}

// remove carries out dns.delete.
func (c *change) remove() (map[string]any, *effect.Error) {
	var out map[string]any
	var e *effect.Error
	if want, given := c.sets["values"]; given {
		out, e = c.swap(want, nil)
	} else {
		out, e = c.absolute(nil)
	}
	if e != nil {
		return nil, e
	}
	return map[string]any{"previous": out["previous"]}, nil
}

// replace carries out dns.replace.
func (c *change) replace() (map[string]any, *effect.Error) {
	return c.swap(c.values("from"), c.values("to"))
}

// swap changes a set that holds the expected values.
func (c *change) swap(from, to []string) (map[string]any, *effect.Error) {
	now, e := c.look(len(from) == 0)
	if e != nil {
		return nil, e
	}
	if !same(now.Values, from) {
		return nil, contract.Unexpected(c.title(), now.Values, from)
	}
	if e := c.beside(now); e != nil {
		return nil, e
	}
	if len(from) == 0 && len(to) == 0 {
		return map[string]any{"previous": []any{}}, nil
	}
	out, swapped, e := c.put(now, to)
	if swapped || e != nil {
		return out, e
	}
	if now, e = c.look(false); e != nil {
		return nil, e
	}
	return nil, contract.Unexpected(c.title(), now.Values, from)
}

// absolute gives a set its values, whatever it holds; none remove it. What it
// held is a prerequisite even so: the call tells it.
func (c *change) absolute(to []string) (map[string]any, *effect.Error) {
	for range tries {
		now, e := c.look(len(to) > 0)
		if e != nil {
			return nil, e
		}
		if len(now.Values) == 0 && len(to) == 0 {
			return map[string]any{"previous": []any{}}, nil
		}
		if e := c.beside(now); e != nil {
			return nil, e
		}
		if out, done, e := c.put(now, to); done || e != nil {
			return out, e
		}
	}
	now, e := c.look(len(to) > 0)
	if e == nil {
		e = c.beside(now)
	}
	if e == nil {
		e = effect.Errorf(effect.CodeConflict, "%s was changed by somebody else %d times while it was to be set; nothing changed", c.title(), tries).
			WithHint("find out who changes it")
		e.Retryable = true
	}
	return nil, e
}

// beside refuses a CNAME beside anything else, and anything beside a CNAME.
// Servers would pass over such a record in silence.
func (c *change) beside(now *Set) *effect.Error {
	return contract.Beside(c.name, c.kind, now.Others)
}

// ttl is what the set is to have.
func (c *change) ttl(now *Set) uint32 {
	if ttl, ok := c.args["ttl"].(float64); ok {
		return uint32(ttl)
	}
	if len(now.Values) == 0 {
		return freshTTL
	}
	return now.TTL
}

// put changes the set, which now holds, and reads it back; it is not done if
// the keeper found something else there.
func (c *change) put(now *Set, to []string) (value map[string]any, done bool, e *effect.Error) {
	after := &Set{Name: c.name, Kind: c.kind, Values: to, TTL: c.ttl(now)}
	if same(now.Values, to) && now.TTL == after.TTL {
		return told(now, now), true, nil
	}
	if len(to) == 0 && c.kind == "NS" && c.name == c.zone.Name {
		return nil, false, effect.Errorf(effect.CodeRefused, "%s are the servers of the zone itself, %s: a zone has some; nothing was sent", c.title(), orNothing(now.Values)).
			WithHint("put others in their place with dns.set, or remove the zone where it is kept")
	}
	if e := c.fixed(now); e != nil {
		return nil, false, e
	}
	if done, e = c.keeper.Change(c.ctx, c.zone, now, after); !done || e != nil {
		return nil, false, e
	}
	value, e = c.verified(now, after)
	return value, true, e
}

// fixed refuses what is kept so that it cannot be changed in the terms of the
// module.
func (c *change) fixed(now *Set) *effect.Error {
	what, why := "the zone "+c.zone.Name, c.zone.Fixed
	if why == "" {
		what, why = c.title(), now.Fixed
	}
	if why == "" {
		return nil
	}
	return effect.Errorf(effect.CodeRefused, "%s: %s %s; nothing was sent", c.keeper.Title(), what, why).
		WithHint("change it where it is kept, or make it a plain record set first")
}

// verified reads the set back.
func (c *change) verified(before, after *Set) (map[string]any, *effect.Error) {
	now, e := c.look(false)
	if e != nil {
		return nil, Unknown(c.keeper, after, "then it could not be read: "+e.Message)
	}
	if !same(now.Values, after.Values) {
		if same(now.Values, before.Values) {
			return nil, effect.Errorf(effect.CodeRefused, "%s said that it changed %s, and it holds %s as before", c.keeper.Title(), c.title(), orNothing(now.Values)).
				WithHint("see its log, and whether somebody else puts it back")
		}
		return nil, effect.Errorf(effect.CodeConflict, "%s was changed to %s, and right after by somebody else: it holds %s", c.title(), orNothing(after.Values), orNothing(now.Values)).
			WithHint("find out who changes it")
	}
	return told(before, now), nil
}

// told is what a write returns.
func told(before, now *Set) map[string]any {
	return map[string]any{"values": list(now.Values), "ttl": float64(now.TTL), "previous": list(before.Values)}
}

func list(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
