package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// all stands for all authoritative servers where a resolver is named.
const all = "authoritative"

// fudge is by how many seconds the clocks may differ.
const fudge = 300

// question returns a query.
func question(name, kind string, recurse bool) *dns.Msg {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[kind])
	m.RecursionDesired = recurse
	return m.SetEdns0(1232, false)
}

// ask sends a query: to the primary over TCP, to others over UDP, twice if
// need be, and over TCP where the answer is too long.
func (c *change) ask(to peer, m *dns.Msg) (*dns.Msg, *effect.Error) {
	what := strings.TrimSuffix(m.Question[0].Name, ".") + " " + dns.TypeToString[m.Question[0].Qtype]
	networks := []string{"udp", "udp", "tcp"}
	if to.key != nil || !to.recurses && to.address == c.server {
		networks = []string{"tcp"}
	}
	var last error
	for i, network := range networks {
		if c.ctx.Err() != nil {
			break
		}
		resp, _, err := c.exchange(to, m.Copy(), network)
		if err == nil && resp.Truncated && network == "udp" {
			networks[min(i+1, len(networks)-1)] = "tcp"
			err = errors.New("the answer is too long for UDP")
		}
		if err != nil {
			last = err
			continue
		}
		switch resp.Rcode {
		case dns.RcodeSuccess, dns.RcodeNameError:
			return resp, nil
		case dns.RcodeRefused, dns.RcodeNotAuth:
			return nil, effect.Errorf(effect.CodeRefused, "%s refuses to answer for %s: %s", to.name, what, rcode(resp)).
				WithHint("check that the zone is there, that the server answers this machine, and the key")
		}
		e := effect.Errorf(effect.CodeUnavailable, "%s was asked for %s and answered %s", to.name, what, rcode(resp)).WithHint("see the server's log")
		return nil, e
	}
	if c.ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "%s was asked for %s, and the call ended before it answered: %v", to.name, what, context.Cause(c.ctx))
	}
	return nil, effect.Errorf(effect.CodeUnavailable, "%s was asked for %s and did not answer: %v", to.name, what, last).
		WithHint("check that it runs, and that its port can be reached from here over UDP and TCP")
}

// exchange sends a message once. sent says whether it may have arrived.
func (c *change) exchange(to peer, m *dns.Msg, network string) (resp *dns.Msg, sent bool, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	client := &dns.Client{Net: network, Timeout: c.timeout, UDPSize: 1232}
	if to.key != nil {
		client.TsigSecret = map[string]string{to.key.name: to.key.secret}
		m.SetTsig(to.key.name, to.key.algorithm, fudge, time.Now().Unix())
	}
	conn, err := client.DialContext(ctx, to.address)
	if err != nil {
		return nil, false, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	resp, _, err = client.ExchangeWithConnContext(ctx, m, conn)
	// A server that does not know the key cannot sign its refusal.
	if err != nil && resp != nil && resp.Rcode == dns.RcodeNotAuth {
		err = nil
	}
	if err == nil && resp == nil {
		err = errors.New("it sent nothing")
	}
	return resp, true, err
}

// rcode says what a server answered.
func rcode(m *dns.Msg) string {
	text := dns.RcodeToString[m.Rcode]
	if t := m.IsTsig(); t != nil && t.Error != 0 {
		text += ", " + map[uint16]string{dns.RcodeBadSig: "BADSIG: the secret of the key differs", dns.RcodeBadKey: "BADKEY: it knows no such key, or takes it for no change of this zone",
			dns.RcodeBadTime: "BADTIME: its clock and ours differ by more than 5 minutes"}[t.Error]
	}
	return text
}

// look reads the set as the primary has it.
func (c *change) look() (*set, *effect.Error) {
	if e := c.findZone(); e != nil {
		return nil, e
	}
	return c.lookAt(c.primary())
}

// set is what a server said of a record set.
type set struct {
	values []string // sorted
	ttl    uint32
}

// lookAt reads the set as a server has it, which has to have authority unless
// it is a resolver.
func (c *change) lookAt(p peer) (*set, *effect.Error) {
	resp, e := c.ask(p, question(c.name, c.kind, p.recurses))
	if e != nil {
		return nil, e
	}
	if !p.recurses && !resp.Authoritative {
		return nil, effect.Errorf(effect.CodeNotFound, "%s has no authority for %s", p.name, c.name).WithHint("check the name and the zone; the name may be delegated to other servers")
	}
	out, alias := &set{values: []string{}}, false
	for _, rr := range resp.Answer {
		if cname, ok := rr.(*dns.CNAME); ok && c.kind != "CNAME" && strings.EqualFold(lower(cname.Hdr.Name), c.name) {
			alias, out.ttl = true, cname.Hdr.Ttl // as long as that counts, there is nothing else
		}
		if !strings.EqualFold(lower(rr.Header().Name), c.name) || rr.Header().Rrtype != dns.StringToType[c.kind] {
			continue // what a CNAME leads to
		}
		v, err := value(rr)
		if err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "%s holds in %s what cannot be read: %v", p.name, c.title(), err)
		}
		out.values, out.ttl = append(out.values, v), rr.Header().Ttl
	}
	slices.Sort(out.values)
	if len(out.values) > 0 || alias {
		return out, nil
	}
	for _, rr := range resp.Ns { // RFC 2308: how long it counts that there is none
		if soa, ok := rr.(*dns.SOA); ok {
			out.ttl = min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
	return out, nil
}

// findZone finds the zone that holds the name, by asking the primary.
func (c *change) findZone() *effect.Error {
	at := c.name
	if c.zone != "" {
		if e := c.mayHave(c.zone); e != nil {
			return e
		}
		if c.name != c.zone && !strings.HasSuffix(c.name, "."+c.zone) {
			return effect.Errorf(effect.CodeNotFound, "%s is not in the zone %s; nothing was sent", c.name, c.zone).WithHint("mend zone, or leave it out: it is found from the name")
		}
		at = c.zone
	}
	for name := at; ; {
		resp, e := c.ask(c.primary(), question(name, "SOA", false))
		if e != nil && e.Code == effect.CodeRefused && !strings.Contains(e.Message, "NOTAUTH") { // it has no zone there
			break
		}
		if e != nil {
			return e
		}
		for _, rr := range slices.Concat(resp.Answer, resp.Ns) {
			owner := lower(rr.Header().Name)
			if _, ok := rr.(*dns.SOA); !ok || !resp.Authoritative || owner != name && !strings.HasSuffix(name, "."+owner) {
				continue
			}
			if c.zone != "" && owner != c.zone {
				break
			}
			c.zone = owner
			return c.mayHave(owner)
		}
		_, up, more := strings.Cut(name, ".")
		if !more || len(resp.Answer) == 0 || c.zone != "" { // only a CNAME hides the zone
			break
		}
		name = up
	}
	what := c.name
	if c.zone != "" {
		what = "the zone " + c.zone
		return effect.Errorf(effect.CodeNotFound, "%s is none that %s has authority for", what, c.primary().name).WithHint("check the zone, and that server is its primary")
	}
	return effect.Errorf(effect.CodeNotFound, "%s is in no zone that %s has authority for", what, c.primary().name).
		WithHint("check the name, and that server is the primary of its zone")
}

// authorities returns all authoritative servers of the zone: the primary, and
// those of the configuration or of its NS records.
func (c *change) authorities() ([]peer, *effect.Error) {
	peers := []peer{c.primary()}
	if c.listed {
		for _, a := range c.servers {
			peers = append(peers, peer{name: "the server " + a, address: a})
		}
		return peers, nil
	}
	resp, e := c.ask(c.primary(), question(c.zone, "NS", false))
	if e != nil {
		return nil, e
	}
	known := map[string]bool{c.server: true}
	for _, rr := range resp.Answer {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		addresses, err := c.addresses(lower(ns.Ns), resp.Extra)
		if err != nil {
			return nil, effect.Errorf(effect.CodeUnavailable, "the zone %s has the server %s, and its address cannot be found: %v", c.zone, lower(ns.Ns), err).
				WithHint("name the servers in the configuration of rfc2136: servers")
		}
		for _, a := range addresses {
			if hostPort := net.JoinHostPort(a, "53"); !known[hostPort] && net.ParseIP(a) != nil {
				known[hostPort] = true
				peers = append(peers, peer{name: fmt.Sprintf("the server %s (%s)", lower(ns.Ns), a), address: hostPort})
			}
		}
	}
	return peers, nil
}

// addresses returns those of a server: as the answer tells them, or as the
// machine resolves its name.
func (c *change) addresses(name string, extra []dns.RR) ([]string, error) {
	var found []string
	for _, rr := range extra {
		if a, ok := rr.(*dns.A); ok && lower(a.Hdr.Name) == name {
			found = append(found, a.A.String())
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	return net.DefaultResolver.LookupHost(ctx, name)
}
