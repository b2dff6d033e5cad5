package cloudflare

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

type obj = map[string]any

const (
	token  = "tok3n-of-the-tests"
	zoneID = "023e105f4ecef8ad9ca31a8372d0c353"
)

func TestMain(m *testing.M) {
	plugintest.Victim(New())
	os.Exit(m.Run())
}

// service keeps records as Cloudflare's published API description says: ids,
// envelopes, codes, batches in which deletes, patches, puts and posts are made in
// this order, wholly or not at all.
type service struct {
	mu       sync.Mutex
	records  []record
	last     int
	mayRead  bool // the settings of the zone
	requests []string
}

// start runs one with the zone of the tests.
func start(t *testing.T) (recordsettest.Subject, *service) {
	t.Helper()
	s := &service{mayRead: true}
	for _, set := range recordsettest.Sets() {
		for _, v := range set.Values {
			r, err := newRecord(set.Name, set.Kind, v, set.TTL)
			if err != nil {
				t.Fatal(err)
			}
			s.add(r)
		}
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return recordsettest.Subject{
		System: plugintest.System{Name: "a Cloudflare API of the tests"}, Fresh: New, Negative: 900,
		Config: obj{"url": server.URL, "api_token": token, "timeout": "5s"},
		See:    func(_ *testing.T, name, kind string) string { return s.see(name, kind) },
	}, s
}

func (s *service) add(r record) record {
	s.last++
	r.ID = fmt.Sprintf("%032x", s.last)
	switch d := r.Data; {
	case r.Type == "SRV":
		r.Content, r.Priority = fmt.Sprintf("%d %d %s", *d.Weight, *d.Port, d.Target), d.Priority
	case r.Type == "CAA":
		r.Content = fmt.Sprintf("%d %s %q", *d.Flags, d.Tag, d.Value)
	}
	s.records = append(s.records, r)
	return r
}

// see returns a set as name servers would answer.
func (s *service) see(name, kind string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var values []string
	ttl := uint32(0)
	for _, r := range s.records {
		if r.Name == name && r.Type == kind {
			v, err := r.value()
			if err != nil {
				return err.Error()
			}
			ttl, values = r.ttl(), append(values, v)
		}
	}
	if len(values) == 0 {
		return "nothing"
	}
	slices.Sort(values)
	return fmt.Sprintf("%d %s", ttl, strings.Join(values, ", "))
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	answer := func(status int, result any, failures ...failure) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		n := 0
		if list, ok := result.([]record); ok {
			n = len(list)
		}
		_ = json.NewEncoder(w).Encode(obj{"success": len(failures) == 0, "errors": append([]failure{}, failures...), "messages": []any{}, "result": result,
			"result_info": obj{"count": n, "total_count": n, "page": 1}})
	}
	if r.Header.Get("Authorization") != "Bearer "+token {
		answer(403, nil, failure{Code: 9109, Message: "Invalid access token"})
		return
	}
	path, found := strings.CutPrefix(r.URL.Path, "/client/v4/zones")
	query := r.URL.Query()
	switch inside, in := strings.CutPrefix(path, "/"+zoneID); {
	case !found:
		answer(404, nil, failure{Code: 7000, Message: "No route for that URI"})
	case path == "" && r.Method == "GET":
		zones := []zone{}
		if name := query.Get("name"); name == "" || name == recordsettest.Zone {
			zones = append(zones, zone{ID: zoneID, Name: recordsettest.Zone, Type: "full", Servers: []string{"ns2.example.org", "ns1.example.org"}})
		}
		answer(200, zones)
	case !in:
		answer(404, nil, failure{Code: 7003, Message: "Could not route to " + path + ", perhaps your object identifier is invalid?"})
	case inside == "/dns_settings" && r.Method == "GET":
		if !s.mayRead {
			answer(403, nil, failure{Code: 10000, Message: "Authentication error"})
			return
		}
		answer(200, obj{"soa": obj{"ttl": 3600, "min_ttl": 900}})
	case inside == "/dns_records" && r.Method == "GET":
		list := []record{}
		for _, rec := range s.records {
			if rec.Name == query.Get("name.exact") {
				list = append(list, rec)
			}
		}
		if n, err := strconv.Atoi(query.Get("per_page")); err != nil || n < 5 || n > 5000000 {
			answer(400, nil, failure{Code: 9213, Message: "per_page is out of range"})
			return
		}
		answer(200, list)
	case inside == "/dns_records/batch" && r.Method == "POST":
		var b batch
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&b); err != nil {
			answer(400, nil, failure{Code: 9207, Message: "Request body is invalid: " + err.Error()})
			return
		}
		if fail := s.batch(b); fail != nil {
			answer(400, nil, *fail)
			return
		}
		answer(200, obj{})
	default:
		answer(405, nil, failure{Code: 10405, Message: "Method not allowed for this authentication scheme"})
	}
}

// batch carries one out; it is undone where a part fails.
func (s *service) batch(b batch) (fail *failure) {
	before := slices.Clone(s.records)
	defer func() {
		if fail != nil {
			s.records = before
		}
	}()
	at := func(id string) int { return slices.IndexFunc(s.records, func(r record) bool { return r.ID == id }) }
	badTTL := func(ttl uint32) *failure {
		if ttl != automatic && (ttl < 60 || ttl > 86400) {
			return &failure{Code: 9021, Message: "Invalid TTL. Must be between 60 and 86,400 seconds, or 1 for Automatic."}
		}
		return nil
	}
	for _, r := range b.Deletes {
		i := at(r.ID)
		if i < 0 {
			return &failure{Code: codeGone, Message: "Record does not exist."}
		}
		s.records = slices.Delete(s.records, i, i+1)
	}
	for _, r := range b.Patches {
		i := at(r.ID)
		if i < 0 {
			return &failure{Code: codeGone, Message: "Record does not exist."}
		}
		if f := badTTL(r.TTL); f != nil {
			return f
		}
		s.records[i].TTL = r.TTL
	}
	for _, r := range b.Posts {
		if f := s.post(r, badTTL); f != nil {
			return f
		}
	}
	return nil
}

func (s *service) post(r record, badTTL func(uint32) *failure) *failure {
	switch {
	case r.Type == "MX" && (r.Priority == nil || r.Content == ""), r.Type == "SRV" && (r.Data == nil || r.Data.Port == nil || r.Content != ""),
		r.Type == "CAA" && (r.Data == nil || r.Data.Tag == "" || r.Content != ""):
		return &failure{Code: 9000, Message: "DNS record has errors", Chain: []failure{{Code: 9101, Message: "data is a required data object"}}}
	case strings.HasSuffix(r.Content, ".") || r.Name != recordsettest.Zone && !strings.HasSuffix(r.Name, "."+recordsettest.Zone):
		return &failure{Code: 9007, Message: "Content for this record is invalid."}
	}
	if f := badTTL(r.TTL); f != nil {
		return f
	}
	value, _ := r.value()
	for _, other := range s.records {
		if other.Name != r.Name {
			continue
		}
		if v, _ := other.value(); other.Type == r.Type && v == value {
			return &failure{Code: codeIdentical, Message: "An identical record already exists."}
		}
		if other.Type == "CNAME" {
			return &failure{Code: codeBeside, Message: "A CNAME record with that host already exists."}
		}
		if r.Type == "CNAME" {
			return &failure{Code: codeBesideA, Message: "An A, AAAA, or CNAME record with that host already exists."}
		}
	}
	s.add(r)
	return nil
}
