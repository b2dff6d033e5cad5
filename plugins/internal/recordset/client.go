package recordset

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// fudge is by how many seconds the clocks may differ.
const fudge = 300

// Peer is a server to ask by DNS.
type Peer struct {
	Name     string // for people: "the resolver office (192.0.2.53:53)"
	Address  string // host:port
	Key      *Key   // nil for none
	Recurses bool
	Stream   bool // ask it over TCP only
}

// Key is a TSIG key.
type Key struct{ Name, Algorithm, Secret string }

// Client asks servers.
type Client struct {
	Timeout time.Duration // of one answer
}

// Question returns a query.
func Question(name, kind string, recurse bool) *dns.Msg {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[kind])
	m.RecursionDesired = recurse
	return m.SetEdns0(1232, false)
}

// Ask sends a query: over UDP, twice if need be, and over TCP where the answer
// is too long or the peer wants it.
func (c Client) Ask(ctx context.Context, to Peer, m *dns.Msg) (*dns.Msg, *effect.Error) {
	what := cmp.Or(strings.TrimSuffix(m.Question[0].Name, "."), ".") + " " + dns.TypeToString[m.Question[0].Qtype]
	networks := []string{"udp", "udp", "tcp"}
	if to.Stream {
		networks = []string{"tcp"}
	}
	var last error
	for i, network := range networks {
		if ctx.Err() != nil {
			break
		}
		resp, _, err := c.Exchange(ctx, to, m.Copy(), network)
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
			return nil, effect.Errorf(effect.CodeRefused, "%s refuses to answer for %s: %s", to.Name, what, Rcode(resp)).
				WithHint("check that the zone is there, that the server answers this machine, and the key")
		}
		return nil, effect.Errorf(effect.CodeUnavailable, "%s was asked for %s and answered %s", to.Name, what, Rcode(resp)).WithHint("see the server's log")
	}
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "%s was asked for %s, and the call ended before it answered: %v", to.Name, what, context.Cause(ctx))
	}
	return nil, effect.Errorf(effect.CodeUnavailable, "%s was asked for %s and did not answer: %v", to.Name, what, last).
		WithHint("check that it runs, and that its port can be reached from here over UDP and TCP")
}

// Exchange sends a message once. sent says whether it may have arrived.
func (c Client) Exchange(ctx context.Context, to Peer, m *dns.Msg, network string) (resp *dns.Msg, sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	client := &dns.Client{Net: network, Timeout: c.Timeout, UDPSize: 1232}
	if to.Key != nil {
		client.TsigSecret = map[string]string{to.Key.Name: to.Key.Secret}
		m.SetTsig(to.Key.Name, to.Key.Algorithm, fudge, time.Now().Unix())
	}
	conn, err := client.DialContext(ctx, to.Address)
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

// Rcode says what a server answered.
func Rcode(m *dns.Msg) string {
	text := dns.RcodeToString[m.Rcode]
	if t := m.IsTsig(); t != nil && t.Error != 0 {
		text += ", " + map[uint16]string{dns.RcodeBadSig: "BADSIG: the secret of the key differs", dns.RcodeBadKey: "BADKEY: it knows no such key, or takes it for no change of this zone",
			dns.RcodeBadTime: "BADTIME: its clock and ours differ by more than 5 minutes"}[t.Error]
	}
	return text
}

// Look reads a set as a server has it, which has to have authority unless it
// is a resolver.
func (c Client) Look(ctx context.Context, p Peer, name, kind string) (*Set, *effect.Error) {
	resp, e := c.Ask(ctx, p, Question(name, kind, p.Recurses))
	if e != nil {
		return nil, e
	}
	if !p.Recurses && !resp.Authoritative {
		return nil, effect.Errorf(effect.CodeNotFound, "%s has no authority for %s", p.Name, name).WithHint("check the name and the zone; the name may be delegated to other servers")
	}
	out, alias := &Set{Name: name, Kind: kind, Values: []string{}}, false
	for _, rr := range resp.Answer {
		if cname, ok := rr.(*dns.CNAME); ok && kind != "CNAME" && Lower(cname.Hdr.Name) == name {
			alias, out.TTL = true, cname.Hdr.Ttl // as long as that counts, there is nothing else
		}
		if Lower(rr.Header().Name) != name || rr.Header().Rrtype != dns.StringToType[kind] {
			continue // what a CNAME leads to
		}
		v, err := Value(rr)
		if err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "%s holds in %s what cannot be read: %v", p.Name, out.Title(), err)
		}
		out.Values, out.TTL = append(out.Values, v), rr.Header().Ttl
	}
	slices.Sort(out.Values)
	if len(out.Values) > 0 || alias {
		return out, nil
	}
	for _, rr := range resp.Ns { // RFC 2308: how long it counts that there is none
		if soa, ok := rr.(*dns.SOA); ok {
			out.TTL = min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
	return out, nil
}
