package rfc2136

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

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
	ctx              context.Context
	args             map[string]any
	name, kind, zone string // lower case, without the dot at the end
	sets             map[string][]string
}

// title names the set: "www.example.org A".
func (c *change) title() string { return c.name + " " + c.kind }

func (c *change) values(name string) []string { return c.sets[name] }

func same(a, b []string) bool { return slices.Equal(a, b) }

// records carries out dns.records.
func (c *change) records() (map[string]any, *effect.Error) {
	resolver, _ := c.args["resolver"].(string)
	var seen *set
	var e *effect.Error
	switch resolver {
	case "":
		seen, e = c.look()
	case all:
		seen, e = c.agreed()
	default:
		seen, e = c.lookAt(c.resolver(resolver))
	}
	if e != nil {
		return nil, e
	}
	return map[string]any{"values": list(seen.values), "ttl": float64(seen.ttl)}, nil
}

// agreed reads the set from all authoritative servers, which have to hold the
// same.
func (c *change) agreed() (*set, *effect.Error) {
	if e := c.findZone(); e != nil {
		return nil, e
	}
	peers, e := c.authorities()
	if e != nil {
		return nil, e
	}
	var first *set
	for _, p := range peers {
		seen, e := c.lookAt(p)
		if e != nil {
			return nil, e
		}
		if first != nil && !same(first.values, seen.values) {
			e := effect.Errorf(effect.CodeConflict, "the authoritative servers do not agree on %s: %s has %s, %s has %s", c.title(),
				peers[0].name, orNothing(first.values), p.name, orNothing(seen.values)).WithHint("secondaries follow within moments of a NOTIFY; see whether the zone is transferred")
			e.Retryable = true
			return nil, e
		}
		if first == nil {
			first = seen
		}
	}
	return first, nil
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
	now, e := c.look()
	if e != nil {
		return nil, e
	}
	if !same(now.values, from) {
		return nil, contract.Unexpected(c.title(), now.values, from)
	}
	if len(from) == 0 && len(to) == 0 {
		return map[string]any{"previous": []any{}}, nil
	}
	swapped, e := c.update(now, to)
	if e != nil {
		return nil, e
	}
	if !swapped {
		if now, e = c.look(); e != nil {
			return nil, e
		}
		return nil, contract.Unexpected(c.title(), now.values, from)
	}
	return c.verified(now, to)
}

// absolute gives a set its values, whatever it holds; none remove it. What it
// held is a prerequisite even so: the call tells it.
func (c *change) absolute(to []string) (map[string]any, *effect.Error) {
	for range tries {
		now, e := c.look()
		if e != nil {
			return nil, e
		}
		if len(now.values) == 0 && len(to) == 0 {
			return map[string]any{"previous": []any{}}, nil
		}
		if e := c.beside(to); e != nil {
			return nil, e
		}
		done, e := c.update(now, to)
		if e != nil {
			return nil, e
		}
		if done {
			return c.verified(now, to)
		}
	}
	if e := c.beside(to); e != nil {
		return nil, e
	}
	e := effect.Errorf(effect.CodeConflict, "%s was changed by somebody else %d times while it was to be set; nothing changed", c.title(), tries).
		WithHint("find out who changes it")
	e.Retryable = true
	return nil, e
}

// beside refuses a CNAME beside anything else, and anything beside a CNAME.
// The server would pass over such a record in silence.
func (c *change) beside(to []string) *effect.Error {
	if len(to) == 0 {
		return nil
	}
	kinds := []string{"CNAME"}
	if c.kind == "CNAME" {
		kinds = []string{"A", "AAAA", "TXT", "MX", "NS", "SRV", "CAA", "PTR", "SOA"}
	}
	var others []string
	for _, kind := range kinds {
		other := *c
		if other.kind = kind; kind == c.kind {
			continue
		}
		resp, e := c.ask(c.primary(), question(c.name, kind, false))
		if e != nil {
			return e
		}
		if slices.ContainsFunc(resp.Answer, func(rr dns.RR) bool {
			return lower(rr.Header().Name) == c.name && rr.Header().Rrtype == dns.StringToType[kind]
		}) {
			others = append(others, kind)
		}
	}
	return contract.Beside(c.name, c.kind, others)
}

// ttl is what the set is to have.
func (c *change) ttl(now *set) uint32 {
	if ttl, ok := c.args["ttl"].(float64); ok {
		return uint32(ttl)
	}
	if len(now.values) == 0 {
		return freshTTL
	}
	return now.ttl
}

// update changes the set in one step, unless it does not hold what now says, or
// cannot stand beside what is there: done is false then, and nothing changed.
func (c *change) update(now *set, to []string) (done bool, e *effect.Error) {
	m := new(dns.Msg).SetUpdate(dns.Fqdn(c.zone))
	before, err := c.rrs(now.values, 0)
	after, err2 := c.rrs(to, c.ttl(now))
	if err != nil || err2 != nil {
		return false, effect.Errorf(effect.CodeInvalid, "%s: %v", c.title(), orElse(err, err2))
	}
	empty := &dns.ANY{Hdr: dns.RR_Header{Name: dns.Fqdn(c.name), Rrtype: dns.StringToType[c.kind]}}
	switch {
	case len(before) > 0:
		m.Used(before)
	case c.kind == "CNAME":
		m.NameNotUsed([]dns.RR{empty})
	default:
		m.RRsetNotUsed([]dns.RR{empty})
	}
	if c.kind != "CNAME" && len(to) > 0 {
		m.RRsetNotUsed([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: dns.Fqdn(c.name), Rrtype: dns.TypeCNAME}}})
	}
	if len(before) > 0 {
		m.RemoveRRset([]dns.RR{empty})
	}
	m.Insert(after)
	resp, sent, err := c.exchange(c.primary(), m, "tcp")
	switch {
	case err != nil && !sent:
		return false, effect.Errorf(effect.CodeUnavailable, "%s cannot be reached to change %s: %v; nothing was sent", c.primary().name, c.title(), err).
			WithHint("check that it runs, and that its port can be reached from here over TCP")
	case err != nil:
		return false, c.unknown(fmt.Sprintf("no answer came: %v", err))
	}
	return c.outcome(resp)
}

// outcome reads what the server said of an update.
func (c *change) outcome(resp *dns.Msg) (done bool, e *effect.Error) {
	switch resp.Rcode {
	case dns.RcodeSuccess:
		return true, nil
	case dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNameError:
		return false, nil
	case dns.RcodeNotAuth, dns.RcodeRefused:
		hint := "check the key, and what the zone allows: update-policy or allow-update in BIND, acl in Knot"
		if slices.Contains([]string{"MX", "SRV", "NS"}, c.kind) {
			hint += "; BIND also refuses names of the zone that have no address (check-mx, check-srv)"
		}
		return false, effect.Errorf(effect.CodeRefused, "%s does not let us change %s: %s; nothing changed", c.primary().name, c.title(), rcode(resp)).WithHint("%s", hint)
	case dns.RcodeNotZone, dns.RcodeFormatError, dns.RcodeNotImplemented:
		return false, effect.Errorf(effect.CodeUnsupported, "%s does not take the update of %s: %s; nothing changed", c.primary().name, c.title(), rcode(resp)).
			WithHint("check that it is the primary and takes dynamic updates for the zone")
	}
	return false, c.unknown("it answered " + rcode(resp))
}

func (c *change) unknown(why string) *effect.Error {
	return effect.Errorf(effect.CodeUnknown, "%s was told to change %s, and %s; it is not known whether it did", c.primary().name, c.title(), why).
		WithHint("ask it: dig @%s %s %s", c.server, c.name, c.kind)
}

// verified reads the set back.
func (c *change) verified(before *set, to []string) (map[string]any, *effect.Error) {
	now, e := c.look()
	if e != nil {
		return nil, c.unknown("then it could not be read: " + e.Message)
	}
	if !same(now.values, to) {
		if same(now.values, before.values) {
			return nil, effect.Errorf(effect.CodeRefused, "%s said that it changed %s, and it holds %s as before", c.primary().name, c.title(), orNothing(now.values)).
				WithHint("servers keep the last NS and the SOA of a zone whatever they are told")
		}
		return nil, effect.Errorf(effect.CodeConflict, "%s was changed to %s, and right after by somebody else: it holds %s", c.title(), orNothing(to), orNothing(now.values)).
			WithHint("find out who changes it")
	}
	return map[string]any{"values": list(now.values), "ttl": float64(now.ttl), "previous": list(before.values)}, nil
}

func list(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

func orElse(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// rrs returns the records of a set.
func (c *change) rrs(values []string, ttl uint32) ([]dns.RR, error) {
	out := make([]dns.RR, 0, len(values))
	for _, v := range values {
		rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", dns.Fqdn(c.name), ttl, c.kind, absolute(c.kind, v)))
		if err != nil {
			return nil, err
		}
		out = append(out, rr)
	}
	return out, nil
}

// absolute returns a value as the library reads it: names with a dot at their
// end.
func absolute(kind, value string) string {
	switch kind {
	case "CNAME", "NS", "PTR", "MX", "SRV":
		return strings.TrimSuffix(value, ".") + "."
	}
	return value
}

// value returns a record's data in the one form of package dns.
func value(rr dns.RR) (string, error) {
	kind := dns.TypeToString[rr.Header().Rrtype]
	text := strings.TrimPrefix(rr.String(), rr.Header().String())
	return contract.Canonical(kind, text)
}
