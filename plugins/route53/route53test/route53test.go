// Package route53test answers as Route 53's API, for tests. It is no Route 53: it
// serves no DNS, and knows what its published description says and no more.
package route53test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The key that it takes, and the zone that it has.
const (
	KeyID  = "AKIDOFTHETESTS"
	Secret = "s3cret/of+the/tests"
	ZoneID = "Z1D633PJN98FT9"
)

// Set is a resource record set as the API writes it.
type Set struct {
	Name    string  `xml:"Name"`
	Type    string  `xml:"Type"`
	ID      string  `xml:"SetIdentifier,omitempty"`
	Weight  *int    `xml:"Weight"`
	TTL     int     `xml:"TTL,omitempty"`
	Values  []Value `xml:"ResourceRecords>ResourceRecord,omitempty"`
	Alias   *Alias  `xml:"AliasTarget"`
	Checked string  `xml:"HealthCheckId,omitempty"`
}

// Value is one of a set.
type Value struct {
	Text string `xml:"Value"`
}

// Values returns those of a set.
func Values(texts ...string) []Value {
	var out []Value
	for _, text := range texts {
		out = append(out, Value{text})
	}
	return out
}

// Alias is where an alias leads.
type Alias struct {
	ZoneID  string `xml:"HostedZoneId"`
	DNSName string `xml:"DNSName"`
	Health  bool   `xml:"EvaluateTargetHealth"`
}

// Service keeps sets as Route 53's published API description says: signed
// requests, lists from a name on in the order of reversed names, batches that are
// made wholly or not at all, deletions that have to match. Its fields may be changed
// while nobody asks it.
type Service struct {
	Sets    []Set
	Zones   []string // IDs of zones of the same name
	Private string   // one more, that is private
	Denied  bool     // whether the key may do nothing
	Page    int      // sets of one answer

	mu sync.Mutex
}

// New returns one with the zone example.org, its SOA and NS records, and sets.
func New(sets ...Set) *Service {
	return &Service{Zones: []string{ZoneID}, Private: "ZPRIVATE", Page: 100, Sets: append([]Set{
		{Name: "example.org.", Type: "SOA", TTL: 900, Values: Values("ns1.example.org. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 600")},
		{Name: "example.org.", Type: "NS", TTL: 172800, Values: Values("ns1.example.org.", "ns2.example.org.")},
	}, sets...)}
}

// Find returns a set, by its name as Route 53 writes it; nil if there is none.
func (s *Service) Find(name, kind string) *Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.Sets {
		if r.Name == name && r.Type == kind {
			return &r
		}
	}
	return nil
}

func (s *Service) fail(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	if code == "InvalidChangeBatch" {
		_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><InvalidChangeBatch xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Messages><Message>%s</Message></Messages></InvalidChangeBatch>`, escaped(message))
		return
	}
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>1</RequestId></ErrorResponse>`, code, escaped(message))
}

func escaped(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

// signed checks the signature of a request with the secret.
func (s *Service) signed(r *http.Request, body []byte) bool {
	got := r.Header.Get("Authorization")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	_, names, _ := strings.Cut(got, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	again, rerr := http.NewRequest(r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil || rerr != nil {
		return false
	}
	for name := range strings.SplitSeq(names, ";") {
		if v := r.Header.Values(name); v != nil {
			again.Header[http.CanonicalHeaderKey(name)] = v
		}
	}
	err = v4.NewSigner().SignHTTP(r.Context(), aws.Credentials{AccessKeyID: KeyID, SecretAccessKey: Secret}, again, fmt.Sprintf("%x", sha256.Sum256(body)), "route53", "us-east-1", at)
	return err == nil && again.Header.Get("Authorization") == got
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/xml")
	path, found := strings.CutPrefix(r.URL.Path, "/2013-04-01/hostedzone")
	zone, list := strings.CutSuffix(strings.TrimPrefix(path, "/"), "/rrset")
	zone = strings.TrimSuffix(zone, "/")
	switch {
	case !strings.Contains(r.Header.Get("Authorization"), "Credential="+KeyID+"/"):
		s.fail(w, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	case !s.signed(r, body):
		s.fail(w, 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	case s.Denied:
		s.fail(w, 403, "AccessDenied", "User: arn:aws:iam::1:user/x is not authorized to perform this action")
	case r.URL.Path == "/2013-04-01/hostedzonesbyname" && r.Method == http.MethodGet:
		s.listZones(w, strings.TrimSuffix(r.URL.Query().Get("dnsname"), "."))
	case !found || !list:
		s.fail(w, 404, "InvalidInput", "no such request")
	case !slices.Contains(s.Zones, zone):
		s.fail(w, 404, "NoSuchHostedZone", "No hosted zone found with ID: "+zone)
	case r.Method == http.MethodGet:
		s.listSets(w, r.URL.Query().Get("name"), r.URL.Query().Get("type"))
	default:
		s.change(w, body)
	}
}

func (s *Service) listZones(w io.Writer, from string) {
	_, _ = fmt.Fprint(w, `<?xml version="1.0"?><ListHostedZonesByNameResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HostedZones>`)
	if from == "" || byLabels(from) <= byLabels("example.org") {
		for _, id := range append(slices.Clone(s.Zones), s.Private) {
			_, _ = fmt.Fprintf(w, `<HostedZone><Id>/hostedzone/%s</Id><Name>example.org.</Name><CallerReference>1</CallerReference><Config><PrivateZone>%t</PrivateZone></Config></HostedZone>`, id, id == s.Private)
		}
	}
	_, _ = fmt.Fprint(w, `</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesByNameResponse>`)
}

// byLabels is what names are in the order of: org.example.www.
func byLabels(name string) string {
	labels := strings.Split(strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(name, ".")), `\052`, "*"), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}

func (s *Service) listSets(w io.Writer, name, kind string) {
	slices.SortFunc(s.Sets, func(a, b Set) int {
		return cmp.Or(cmp.Compare(byLabels(a.Name), byLabels(b.Name)), cmp.Compare(a.Type, b.Type))
	})
	var out []Set
	next := ""
	for _, r := range s.Sets {
		if at := byLabels(r.Name); at < byLabels(name) || at == byLabels(name) && r.Type < kind {
			continue
		}
		if len(out) == s.Page {
			next = fmt.Sprintf("<NextRecordName>%s</NextRecordName><NextRecordType>%s</NextRecordType>", strings.ReplaceAll(r.Name, "*", `\052`), r.Type)
			break
		}
		r.Name = strings.ReplaceAll(r.Name, "*", `\052`)
		out = append(out, r)
	}
	_, _ = fmt.Fprint(w, `<?xml version="1.0"?><ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ResourceRecordSets>`)
	for _, r := range out {
		text, err := xml.Marshal(struct {
			XMLName xml.Name `xml:"ResourceRecordSet"`
			Set
		}{Set: r})
		if err != nil {
			panic(err) // a set that cannot be written is a mistake of the test
		}
		_, _ = w.Write(text)
	}
	_, _ = fmt.Fprintf(w, `</ResourceRecordSets><IsTruncated>%t</IsTruncated>%s<MaxItems>%d</MaxItems></ListResourceRecordSetsResponse>`, next != "", next, s.Page)
}

// change carries a batch out, wholly or not at all.
func (s *Service) change(w http.ResponseWriter, body []byte) {
	var request struct {
		Changes []struct {
			Action string `xml:"Action"`
			Set    Set    `xml:"ResourceRecordSet"`
		} `xml:"ChangeBatch>Changes>Change"`
	}
	if err := xml.Unmarshal(body, &request); err != nil || len(request.Changes) == 0 {
		s.fail(w, 400, "InvalidInput", "the XML you provided is not well-formed")
		return
	}
	sets := slices.Clone(s.Sets)
	invalid := func(format string, args ...any) { s.fail(w, 400, "InvalidChangeBatch", fmt.Sprintf(format, args...)) }
	for _, c := range request.Changes {
		name := strings.ReplaceAll(c.Set.Name, `\052`, "*")
		label := fmt.Sprintf("[name='%s', type='%s']", name, c.Set.Type)
		c.Set.Name = name
		if !strings.HasSuffix("."+name, ".example.org.") {
			invalid("RRSet with DNS name %s is not permitted in zone example.org.", name)
			return
		}
		i := slices.IndexFunc(sets, func(r Set) bool { return r.Name == name && r.Type == c.Set.Type })
		switch c.Action {
		case "DELETE":
			if i < 0 {
				invalid("Tried to delete resource record set %s but it was not found", label)
				return
			}
			if !reflect.DeepEqual(sets[i], c.Set) {
				invalid("Tried to delete resource record set %s but the values provided do not match the current values", label)
				return
			}
			sets = slices.Delete(sets, i, i+1)
			continue
		case "CREATE":
			if i >= 0 {
				invalid("Tried to create resource record set %s but it already exists", label)
				return
			}
		case "UPSERT":
			if i >= 0 {
				sets = slices.Delete(sets, i, i+1)
			}
		}
		for _, r := range sets {
			if r.Name == name && (r.Type == "CNAME" || c.Set.Type == "CNAME") {
				invalid("RRSet of type %s with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone example.org.", c.Set.Type, name)
				return
			}
		}
		for _, v := range c.Set.Values {
			if strings.ContainsFunc(v.Text, func(r rune) bool { return r < ' ' || r > '~' }) {
				invalid("Invalid Resource Record: FATAL problem: UnsupportedCharacter at %q", v.Text)
				return
			}
		}
		sets = append(sets, c.Set)
	}
	s.Sets = sets
	_, _ = fmt.Fprint(w, `<?xml version="1.0"?><ChangeResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>`)
}
