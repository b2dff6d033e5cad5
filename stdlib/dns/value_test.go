package dns

import (
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ kind, value, want string }{
		{"A", " 192.0.2.1", "192.0.2.1"}, {"A", "192.0.2.256", "is no address of IPv4"}, {"A", "::1", "is no address of IPv4"}, {"A", "not-an-address", "is no address of IPv4"},
		{"AAAA", "2001:DB8:0::1", "2001:db8::1"}, {"AAAA", "192.0.2.1", "is no address of IPv6"}, {"AAAA", "fe80::1%eth0", "is no address"},
		{"CNAME", "CDN.Example.net.", "cdn.example.net"}, {"CNAME", "a b", "is no name"}, {"CNAME", "", "is no name"}, {"NS", "a..b", "is no name"}, {"PTR", strings.Repeat("a", 64), "is no name"},
		{"MX", "010  Mail.example.org.", "10 mail.example.org"}, {"MX", "mail.example.org", "is not in the form of"}, {"MX", "0 .", "0 ."}, {"MX", "70000 a", "is not in the form"},
		{"SRV", "10 60 5060 sip.example.org.", "10 60 5060 sip.example.org"}, {"SRV", "10 60 sip", "is not in the form"},
		{"TXT", "token=abc", `"token=abc"`}, {"TXT", `"v=spf1  -all"`, `"v=spf1  -all"`}, {"TXT", "v=spf1 -all", "write it in quotes"}, {"TXT", `"a" "b"`, `"a" "b"`},
		{"TXT", `"a\"b\\c\065"`, `"a\"b\\cA"`}, {"TXT", `"open`, "has no end"}, {"TXT", `"é"`, `"\195\169"`}, {"TXT", `"` + strings.Repeat("x", 256) + `"`, "more than 255"},
		{"CAA", `0 Issue "ca.example.org"`, `0 issue "ca.example.org"`}, {"CAA", `0 issue ca.example.org`, `0 issue "ca.example.org"`}, {"CAA", "issue x", "is no CAA"},
		{"SOA", "x", "not known"},
	} {
		got, err := Canonical(c.kind, c.value)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s %q: %s, want %s", c.kind, c.value, got, c.want)
		}
		if err == nil {
			if again, err := Canonical(c.kind, got); err != nil || again != got {
				t.Errorf("%s %q: again it is %q, %v", c.kind, got, again, err)
			}
		}
	}
	if _, err := CanonicalSet("CNAME", []string{"a", "b"}); err == nil {
		t.Error("two CNAMEs pass")
	}
	if set, err := CanonicalSet("A", []string{"192.0.2.2", "192.0.2.1", "192.0.2.2"}); err != nil || len(set) != 2 || set[0] != "192.0.2.1" {
		t.Error(set, err)
	}
}
