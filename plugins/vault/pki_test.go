package vault

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

// authority gives the server an engine at pki/, with the roles web, whose certificates
// have leases, and loose, whose have none.
func (s *server) authority() {
	s.t.Helper()
	s.order(http.MethodPost, "sys/mounts/pki", obj{"type": "pki", "config": obj{"max_lease_ttl": "48h"}}, nil)
	s.order(http.MethodPost, "pki/root/generate/internal", obj{"common_name": "test authority", "ttl": "40h", "key_type": "ec"}, nil)
	for role, leases := range map[string]bool{"web": true, "loose": false} {
		s.order(http.MethodPost, "pki/roles/"+role, obj{"allowed_domains": "example.org", "allow_subdomains": true, "key_type": "ec",
			"max_ttl": "24h", "ttl": "10m", "generate_lease": leases}, nil)
	}
}

// certificates returns the serial numbers of those that were issued, the authority's own
// aside, and how many of them were revoked.
func (s *server) certificates() (good, revoked int) {
	s.t.Helper()
	var list struct{ Data struct{ Keys []string } }
	s.order("LIST", "pki/certs", nil, &list)
	for _, serial := range list.Data.Keys {
		var one struct {
			Data struct {
				Certificate string
				Revoked     float64 `json:"revocation_time"`
			}
		}
		s.order(http.MethodGet, "pki/cert/"+serial, nil, &one)
		switch cert := parse(s.t, one.Data.Certificate); {
		case cert.IsCA:
		case one.Data.Revoked > 0:
			revoked++
		default:
			good++
		}
	}
	return good, revoked
}

func parse(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("this is no certificate: %q", text)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestIssueWithABody has an engine issue that wants to be told something.
func TestIssueWithABody(t *testing.T) {
	s := start(t)
	s.authority()
	b := s.backend(nil)
	args := func(more obj) obj {
		out := obj{"name": "pki/issue/web", "ttl": "2h", "with": obj{"common_name": "web.example.org", "alt_names": "www.example.org"}}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	for says, c := range map[string]struct {
		more obj
		code effect.Code
	}{
		"not allowed by this role":   {obj{"with": obj{"common_name": "web.example.net"}}, effect.CodeRefused},
		"pki/issue/web":              {obj{"with": nil}, effect.CodeNotFound},
		"has to have generate_lease": {obj{"name": "pki/issue/loose"}, effect.CodeInvalid},
		"and 2h are wanted":          {obj{"with": obj{"common_name": "web.example.org", "ttl": "10m"}}, effect.CodeRefused},
	} {
		given := args(c.more)
		if given["with"] == nil {
			delete(given, "with")
		}
		_, e := do(t, b, "issue", says, given)
		plugintest.WantError(t, e, c.code, says)
	}
	plugintest.Until(t, "no certificate is left of what was refused but that of loose, which has no lease to end", func() bool {
		good, _ := s.certificates()
		return good == 1
	})

	made := must(t, b, "issue", "web", args(nil))
	of := func(field string) string {
		return must(t, b, "get", "", obj{"name": fmt.Sprint(made["lease"], "#", field)})["value"].(string)
	}
	cert := parse(t, of("certificate"))
	if cert.Subject.CommonName != "web.example.org" || !slices.Contains(cert.DNSNames, "www.example.org") {
		t.Errorf("it is for %s, %v", cert.Subject.CommonName, cert.DNSNames)
	}
	if left := time.Until(cert.NotAfter); left < 119*time.Minute || left > 121*time.Minute {
		t.Errorf("it is valid for %s", left)
	}
	if key, _ := pem.Decode([]byte(of("private_key"))); key == nil {
		t.Error("the private key is none")
	}
	must(t, b, "release", "release", obj{"lease": made["lease"]})
	if _, revoked := s.certificates(); revoked < 1 {
		t.Error("the certificate is valid after its release")
	}
}

// TestIssueWithABodyIsKilled kills the backend before, within and after: one certificate
// has a lease in the end.
func TestIssueWithABodyIsKilled(t *testing.T) {
	s := start(t)
	s.authority()
	b, n := s.backend(nil), 0
	plugintest.Kills{Backend: b, Config: s.config(nil), Module: secrets.Module(), Op: "issue", Moments: 2, System: s.on, Next: func(t *testing.T) plugintest.Round {
		n++
		key := fmt.Sprint("killed ", n)
		return plugintest.Round{Key: key, Args: obj{"name": "pki/issue/web", "with": obj{"common_name": "web.example.org"}},
			There: func() bool { good, _ := s.certificates(); return s.leased("pki/issue/web", 1) && good > 0 },
			After: func() {
				must(t, b, "release", key+" release", obj{"lease": secrets.Lease(secrets.Leases, key)})
				if !s.leased("pki/issue/web", 0) {
					t.Error("there are leases after the release")
				}
			}}
	}}.Run(t)
}
