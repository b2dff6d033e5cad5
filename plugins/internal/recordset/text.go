package recordset

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	contract "github.com/q-ecosystem/runbook/stdlib/dns"
)

// RRs returns the records of a set.
func RRs(name, kind string, values []string, ttl uint32) ([]dns.RR, error) {
	out := make([]dns.RR, 0, len(values))
	for _, v := range values {
		rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", dns.Fqdn(name), ttl, kind, Absolute(kind, v)))
		if err != nil {
			return nil, err
		}
		out = append(out, rr)
	}
	return out, nil
}

// Absolute returns a value as zone files have it, with a dot at the end of
// names.
func Absolute(kind, value string) string {
	switch kind {
	case "CNAME", "NS", "PTR", "MX", "SRV":
		return strings.TrimSuffix(value, ".") + "."
	}
	return value
}

// Value returns a record's data in the one form of package dns.
func Value(rr dns.RR) (string, error) {
	kind := dns.TypeToString[rr.Header().Rrtype]
	text := strings.TrimPrefix(rr.String(), rr.Header().String())
	return contract.Canonical(kind, text)
}
