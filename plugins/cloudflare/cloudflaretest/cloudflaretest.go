// Package cloudflaretest answers as Cloudflare's API, for tests. It is no Cloudflare:
// it serves no DNS, and knows what the published description says and no more.
package cloudflaretest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The token that it takes, and the zone that it has.
const (
	Token  = "tok3n-of-the-tests"
	ZoneID = "023e105f4ecef8ad9ca31a8372d0c353"
	Zone   = "example.org"
)

// automatic stands for a time to live that Cloudflare chooses.
const automatic = 1

// Codes of failures that say that something else was there.
const (
	codeGone      = 81044
	codeBesideA   = 81053
	codeBeside    = 81054
	codeIdentical = 81058
)

// Record is one as the API has it.
type Record struct {
	ID       string          `json:"id,omitempty"`
	Name     string          `json:"name,omitempty"`
	Type     string          `json:"type,omitempty"`
	Content  string          `json:"content,omitempty"`
	TTL      uint32          `json:"ttl,omitempty"`
	Priority *uint16         `json:"priority,omitempty"`
	Data     *Data           `json:"data,omitempty"`
	Proxied  bool            `json:"proxied,omitempty"`
	Comment  string          `json:"comment,omitempty"`
	Tags     []string        `json:"tags,omitempty"`
	Settings json.RawMessage `json:"settings,omitempty"`
}

// Data are the parts of an SRV or a CAA record.
type Data struct {
	Priority *uint16 `json:"priority,omitempty"`
	Weight   *uint16 `json:"weight,omitempty"`
	Port     *uint16 `json:"port,omitempty"`
	Target   string  `json:"target,omitempty"`
	Flags    *uint8  `json:"flags,omitempty"`
	Tag      string  `json:"tag,omitempty"`
	Value    string  `json:"value,omitempty"`
}

// says is what two records of a kind have in common that are the same.
func (r *Record) says() string {
	r.complete()
	if r.Priority != nil {
		return fmt.Sprint(*r.Priority, " ", r.Content)
	}
	return r.Content
}

// complete writes the content of a record that came in parts.
func (r *Record) complete() {
	switch d := r.Data; {
	case r.Type == "SRV":
		r.Content, r.Priority = fmt.Sprintf("%d %d %s", *d.Weight, *d.Port, d.Target), d.Priority
	case r.Type == "CAA":
		r.Content = fmt.Sprintf("%d %s %q", *d.Flags, d.Tag, d.Value)
	}
}

type batch struct {
	Deletes []Record `json:"deletes,omitempty"`
	Patches []Record `json:"patches,omitempty"`
	Posts   []Record `json:"posts,omitempty"`
}

type zone struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Servers []string `json:"name_servers"`
}

type failure struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Chain   []failure `json:"error_chain,omitempty"`
}

// Service keeps records as Cloudflare's published API description says: ids,
// envelopes, codes, batches in which deletes, patches, puts and posts are made in
// this order, wholly or not at all. Its fields may be changed while nobody asks it.
type Service struct {
	Records  []Record
	MayRead  bool     // the settings of the zone
	Requests []string // "GET /client/v4/zones"

	mu   sync.Mutex
	last int
}

// New returns one whose zone has these records.
func New(records ...Record) *Service {
	s := &Service{MayRead: true}
	for _, r := range records {
		s.Add(r)
	}
	return s
}

// Sets returns the records of a name and a type.
func (s *Service) Sets(name, kind string) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Record
	for _, r := range s.Records {
		if r.Name == name && r.Type == kind {
			found = append(found, r)
		}
	}
	return found
}

// Add puts a record into the zone.
func (s *Service) Add(r Record) Record {
	s.last++
	r.ID = fmt.Sprintf("%032x", s.last)
	r.complete()
	s.Records = append(s.Records, r)
	return r
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Requests = append(s.Requests, r.Method+" "+r.URL.Path)
	answer := func(status int, result any, failures ...failure) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		n := 0
		if list, ok := result.([]Record); ok {
			n = len(list)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"success": len(failures) == 0, "errors": append([]failure{}, failures...), "messages": []any{}, "result": result,
			"result_info": map[string]any{"count": n, "total_count": n, "page": 1}})
	}
	if r.Header.Get("Authorization") != "Bearer "+Token {
		answer(403, nil, failure{Code: 9109, Message: "Invalid access token"})
		return
	}
	path, found := strings.CutPrefix(r.URL.Path, "/client/v4/zones")
	query := r.URL.Query()
	switch inside, in := strings.CutPrefix(path, "/"+ZoneID); {
	case !found:
		answer(404, nil, failure{Code: 7000, Message: "No route for that URI"})
	case path == "" && r.Method == "GET":
		zones := []zone{}
		if name := query.Get("name"); name == "" || name == Zone {
			zones = append(zones, zone{ID: ZoneID, Name: Zone, Type: "full", Servers: []string{"ns2.example.org", "ns1.example.org"}})
		}
		answer(200, zones)
	case !in:
		answer(404, nil, failure{Code: 7003, Message: "Could not route to " + path + ", perhaps your object identifier is invalid?"})
	case inside == "/dns_settings" && r.Method == "GET":
		if !s.MayRead {
			answer(403, nil, failure{Code: 10000, Message: "Authentication error"})
			return
		}
		answer(200, map[string]any{"soa": map[string]any{"ttl": 3600, "min_ttl": 900}})
	case inside == "/dns_records" && r.Method == "GET":
		list := []Record{}
		for _, rec := range s.Records {
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
		answer(200, map[string]any{})
	default:
		answer(405, nil, failure{Code: 10405, Message: "Method not allowed for this authentication scheme"})
	}
}

// batch carries one out; it is undone where a part fails.
func (s *Service) batch(b batch) (fail *failure) {
	before := slices.Clone(s.Records)
	defer func() {
		if fail != nil {
			s.Records = before
		}
	}()
	at := func(id string) int { return slices.IndexFunc(s.Records, func(r Record) bool { return r.ID == id }) }
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
		s.Records = slices.Delete(s.Records, i, i+1)
	}
	for _, r := range b.Patches {
		i := at(r.ID)
		if i < 0 {
			return &failure{Code: codeGone, Message: "Record does not exist."}
		}
		if f := badTTL(r.TTL); f != nil {
			return f
		}
		s.Records[i].TTL = r.TTL
	}
	for _, r := range b.Posts {
		if f := s.post(r, badTTL); f != nil {
			return f
		}
	}
	return nil
}

func (s *Service) post(r Record, badTTL func(uint32) *failure) *failure {
	switch {
	case r.Type == "MX" && (r.Priority == nil || r.Content == ""), r.Type == "SRV" && (r.Data == nil || r.Data.Port == nil || r.Content != ""),
		r.Type == "CAA" && (r.Data == nil || r.Data.Tag == "" || r.Content != ""):
		return &failure{Code: 9000, Message: "DNS record has errors", Chain: []failure{{Code: 9101, Message: "data is a required data object"}}}
	case strings.HasSuffix(r.Content, ".") || r.Name != Zone && !strings.HasSuffix(r.Name, "."+Zone):
		return &failure{Code: 9007, Message: "Content for this record is invalid."}
	}
	if f := badTTL(r.TTL); f != nil {
		return f
	}
	for _, other := range s.Records {
		if other.Name != r.Name {
			continue
		}
		if other.Type == r.Type && other.says() == r.says() {
			return &failure{Code: codeIdentical, Message: "An identical record already exists."}
		}
		if other.Type == "CNAME" {
			return &failure{Code: codeBeside, Message: "A CNAME record with that host already exists."}
		}
		if r.Type == "CNAME" {
			return &failure{Code: codeBesideA, Message: "An A, AAAA, or CNAME record with that host already exists."}
		}
	}
	s.Add(r)
	return nil
}
