package rfc2136

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
)

// primary is a recordset.Keeper: the server that takes updates.
type primary struct {
	client recordset.Client
	peer   recordset.Peer
}

// Title implements recordset.Keeper.
func (p *primary) Title() string { return p.peer.Name }

// Hint implements recordset.Keeper.
func (p *primary) Hint(name, kind string) string {
	return fmt.Sprintf("ask it: dig @%s %s %s", p.peer.Address, name, kind)
}

// Peers implements recordset.Keeper.
func (p *primary) Peers() []recordset.Peer { return []recordset.Peer{p.peer} }

// Reach implements recordset.Keeper: any answer will do that takes the key.
func (p *primary) Reach(ctx context.Context) *effect.Error {
	_, e := p.client.Ask(ctx, p.peer, recordset.Question(".", "SOA", false))
	if e != nil && (e.Code != effect.CodeRefused || strings.Contains(e.Message, "NOTAUTH")) {
		return e
	}
	return nil
}

// Find implements recordset.Keeper: who answers with authority tells the SOA.
func (p *primary) Find(ctx context.Context, at string, whole bool) (*recordset.Zone, *effect.Error) {
	for name := at; ; {
		resp, e := p.client.Ask(ctx, p.peer, recordset.Question(name, "SOA", false))
		if e != nil && e.Code == effect.CodeRefused && !strings.Contains(e.Message, "NOTAUTH") { // it has no zone there
			break
		}
		if e != nil {
			return nil, e
		}
		for _, rr := range slices.Concat(resp.Answer, resp.Ns) {
			owner := recordset.Lower(rr.Header().Name)
			if _, ok := rr.(*dns.SOA); !ok || !resp.Authoritative || owner != name && !strings.HasSuffix(name, "."+owner) {
				continue
			}
			if whole && owner != at {
				break
			}
			return &recordset.Zone{Name: owner}, nil
		}
		_, up, more := strings.Cut(name, ".")
		if !more || len(resp.Answer) == 0 || whole { // only a CNAME hides the zone
			break
		}
		name = up
	}
	if whole {
		return nil, effect.Errorf(effect.CodeNotFound, "the zone %s is none that %s has authority for", at, p.peer.Name).WithHint("check the zone, and that server is its primary")
	}
	return nil, effect.Errorf(effect.CodeNotFound, "%s is in no zone that %s has authority for", at, p.peer.Name).
		WithHint("check the name, and that server is the primary of its zone")
}

// Look implements recordset.Keeper.
func (p *primary) Look(ctx context.Context, _ *recordset.Zone, name, kind string, beside bool) (*recordset.Set, *effect.Error) {
	now, e := p.client.Look(ctx, p.peer, name, kind)
	if e != nil || !beside {
		return now, e
	}
	kinds := []string{"CNAME"}
	if kind == "CNAME" {
		kinds = []string{"A", "AAAA", "TXT", "MX", "NS", "SRV", "CAA", "PTR", "SOA"}
	}
	for _, other := range kinds {
		if other == kind {
			continue
		}
		resp, e := p.client.Ask(ctx, p.peer, recordset.Question(name, other, false))
		if e != nil {
			return nil, e
		}
		if slices.ContainsFunc(resp.Answer, func(rr dns.RR) bool {
			return recordset.Lower(rr.Header().Name) == name && rr.Header().Rrtype == dns.StringToType[other]
		}) {
			now.Others = append(now.Others, other)
		}
	}
	return now, nil
}

// Change implements recordset.Keeper: one update, under the prerequisite that
// the set holds what before says, and can stand beside what is there.
func (p *primary) Change(ctx context.Context, z *recordset.Zone, before, after *recordset.Set) (done bool, e *effect.Error) {
	m := new(dns.Msg).SetUpdate(dns.Fqdn(z.Name))
	old, err := recordset.RRs(before.Name, before.Kind, before.Values, 0)
	fresh, err2 := recordset.RRs(after.Name, after.Kind, after.Values, after.TTL)
	if err == nil {
		err = err2
	}
	if err != nil {
		return false, effect.Errorf(effect.CodeInvalid, "%s: %v", after.Title(), err)
	}
	owner := dns.Fqdn(after.Name)
	empty := &dns.ANY{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.StringToType[after.Kind]}}
	switch {
	case len(old) > 0:
		m.Used(old)
	case after.Kind == "CNAME":
		m.NameNotUsed([]dns.RR{empty})
	default:
		m.RRsetNotUsed([]dns.RR{empty})
	}
	if after.Kind != "CNAME" && len(fresh) > 0 {
		m.RRsetNotUsed([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeCNAME}}})
	}
	if len(old) > 0 {
		m.RemoveRRset([]dns.RR{empty})
	}
	m.Insert(fresh)
	resp, sent, err := p.client.Exchange(ctx, p.peer, m, "tcp")
	switch {
	case err != nil && !sent:
		return false, effect.Errorf(effect.CodeUnavailable, "%s cannot be reached to change %s: %v; nothing was sent", p.peer.Name, after.Title(), err).
			WithHint("check that it runs, and that its port can be reached from here over TCP")
	case err != nil:
		return false, recordset.Unknown(p, after, fmt.Sprintf("no answer came: %v", err))
	}
	return p.outcome(resp, after)
}

// probe is the name below a zone of which MayChange asks: nobody has it.
const probe = "_runbook-verify."

// MayChange implements recordset.Keeper: it tells the server to remove a set, under
// the prerequisite that there is none. So nothing changes, not even the serial, and
// the server decides about it as about a change. What a policy allows goes by names:
// where this one is refused, an update with the prerequisite alone shows whether the
// key is good for updates of the zone at all.
func (p *primary) MayChange(ctx context.Context, z *recordset.Zone) (doubt string, e *effect.Error) {
	name := probe + z.Name
	none := []dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: dns.Fqdn(name), Rrtype: dns.TypeTXT}}}
	ask := func(remove bool) (*dns.Msg, *effect.Error) {
		m := new(dns.Msg).SetUpdate(dns.Fqdn(z.Name))
		m.RRsetNotUsed(none)
		if remove {
			m.RemoveRRset(none)
		}
		resp, _, err := p.client.Exchange(ctx, p.peer, m, "tcp")
		if err != nil {
			return nil, effect.Errorf(effect.CodeUnavailable, "%s was asked whether %s may be changed, by an update that changes nothing, and did not answer: %v", p.peer.Name, z.Name, err).
				WithHint("check that its port can be reached from here over TCP")
		}
		return resp, nil
	}
	resp, e := ask(true)
	if e != nil {
		return "", e
	}
	of := &recordset.Set{Name: name, Kind: "TXT"}
	done, refused := p.outcome(resp, of)
	switch {
	case done:
		return "", nil
	case refused == nil:
		return fmt.Sprintf("whether it may be changed cannot be told: there is something at %s (%s)", name, recordset.Rcode(resp)), nil
	case refused.Code == effect.CodeUnknown:
		return fmt.Sprintf("whether it may be changed cannot be told: %s answered %s to an update that changes nothing", p.peer.Name, recordset.Rcode(resp)), nil
	case refused.Code != effect.CodeRefused || resp.Rcode == dns.RcodeNotAuth:
		return "", refused
	}
	if resp, e = ask(false); e != nil {
		return "", e
	}
	if resp.Rcode == dns.RcodeSuccess {
		return fmt.Sprintf("%s takes updates from us, and would refuse one of %s: whether its policy allows the names that a runbook changes cannot be told without a change", p.peer.Name, of.Title()), nil
	}
	return "", refused
}

// outcome reads what the server said of an update.
func (p *primary) outcome(resp *dns.Msg, of *recordset.Set) (done bool, e *effect.Error) {
	switch resp.Rcode {
	case dns.RcodeSuccess:
		return true, nil
	case dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNameError:
		return false, nil
	case dns.RcodeNotAuth, dns.RcodeRefused:
		hint := "check the key, and what the zone allows: update-policy or allow-update in BIND, acl in Knot"
		if slices.Contains([]string{"MX", "SRV", "NS"}, of.Kind) {
			hint += "; BIND also refuses names of the zone that have no address (check-mx, check-srv)"
		}
		return false, effect.Errorf(effect.CodeRefused, "%s does not let us change %s: %s; nothing changed", p.peer.Name, of.Title(), recordset.Rcode(resp)).WithHint("%s", hint)
	case dns.RcodeNotZone, dns.RcodeFormatError, dns.RcodeNotImplemented:
		return false, effect.Errorf(effect.CodeUnsupported, "%s does not take the update of %s: %s; nothing changed", p.peer.Name, of.Title(), recordset.Rcode(resp)).
			WithHint("check that it is the primary and takes dynamic updates for the zone")
	}
	return false, recordset.Unknown(p, of, "it answered "+recordset.Rcode(resp))
}
