// Package pagerdutytest is a server for tests, and for the lab, that takes events and keeps
// incidents as PagerDuty's documentation says of its Events API v2 and its
// REST API. It is no PagerDuty: it calls nobody, and knows no schedules, event
// rules, urgencies or groups of alerts.
package pagerdutytest

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Token is the key that the REST API takes, User the only user that it knows.
const (
	Token = "u+restkeyofthetests0"
	User  = "runbook@example.org"
)

// Service is one that takes events.
type Service struct{ ID, Name, RoutingKey string }

// NewService returns one; n tells it apart.
func NewService(n int, name string) Service {
	return Service{fmt.Sprintf("PSVC%03d", n), name, fmt.Sprintf("routingkey%022d", n)}
}

// Sink is the server. Its exported functions may be called at any time.
type Sink struct {
	URL string
	// Before is asked about each request first; true says that it answered.
	Before func(w http.ResponseWriter, r *http.Request) bool
	// After may take the answer away, once the request was carried out.
	After func(w http.ResponseWriter, r *http.Request) bool
	// Now is the clock.
	Now func() time.Time
	// Late is how many questions for incidents an event is not shown to.
	Late int

	mu        sync.Mutex
	services  []Service
	incidents []*incident // in the order of their beginning
	asked     int
	events    []map[string]any
}

type incident struct {
	id, key, status, title, severity string
	service                          Service
	created                          time.Time
	seen                             int // shown once the sink was asked this often
	log                              []entry
	notes                            []map[string]any
	said                             []string // after the first event: by others, and by notes
	merged                           string   // the id of the one that it went into
}

// Page is the newest incident of a key.
type Page struct {
	To, Text, Severity, Status string
	Said                       []string // what came later
	Created                    time.Time
}

type entry struct {
	kind  string
	at    time.Time
	agent map[string]any
}

// test is what Start wants of a *testing.T; programs that are no tests do not
// import package testing.
type test interface {
	Helper()
	Cleanup(func())
	Fatal(...any)
}

// Start runs a sink on loopback until the test ends.
func Start(t test, services ...Service) *Sink {
	t.Helper()
	s, stop, err := New(services...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s
}

// SetAfter sets After while requests may come.
func (s *Sink) SetAfter(after func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.After = after
}

// New runs a sink on loopback until stop.
func New(services ...Service) (s *Sink, stop func(), err error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("start a sink for PagerDuty's APIs: %w", err)
	}
	s = &Sink{services: services, Now: time.Now, URL: "http://" + listener.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/enqueue", s.enqueue)
	mux.HandleFunc("GET /incidents", s.authorized(s.list))
	mux.HandleFunc("GET /incidents/{id}", s.authorized(s.one))
	mux.HandleFunc("GET /incidents/{id}/log_entries", s.authorized(s.entries))
	mux.HandleFunc("GET /incidents/{id}/notes", s.authorized(s.listNotes))
	mux.HandleFunc("POST /incidents/{id}/notes", s.authorized(s.addNote))
	server := &http.Server{Handler: s.hooked(mux), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	return s, func() {
		_ = server.Close()
		_ = listener.Close() // in case Serve had not begun
		serving.Wait()
	}, nil
}

// hooked asks Before and After about each request.
func (s *Sink) hooked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		before, after := s.Before, s.After
		s.mu.Unlock()
		if before != nil && before(w, r) {
			return
		}
		if after == nil {
			next.ServeHTTP(w, r)
			return
		}
		kept := &kept{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(kept, r)
		if after(w, r) {
			return
		}
		for name, values := range kept.header {
			w.Header()[name] = values
		}
		w.WriteHeader(kept.status)
		_, _ = w.Write(kept.body.Bytes())
	})
}

// kept is an answer that is not given yet.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }

// Woken returns how often someone was called: once for each incident.
func (s *Sink) Woken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.incidents)
}

// Events returns the events that were taken.
func (s *Sink) Events() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]map[string]any(nil), s.events...)
}

// Pages returns what is known of each key.
func (s *Sink) Pages() map[string]Page {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]Page{}
	for _, i := range s.incidents {
		out[i.key] = Page{i.service.Name, i.title, i.severity, i.status, append([]string(nil), i.said...), i.created}
	}
	return out
}

// Acknowledge lets a person take on the newest incident of a key; nothing
// happens if it is resolved. It reports whether there is one.
func (s *Sink) Acknowledge(key, person string) bool {
	return s.act(key, "acknowledged", "acknowledge_log_entry", user(person))
}

// Resolve lets a person resolve the newest incident of a key.
func (s *Sink) Resolve(key, person string) bool {
	return s.act(key, "resolved", "resolve_log_entry", user(person))
}

// Forget ends the acknowledgement of an incident: PagerDuty's acknowledgement
// timeout.
func (s *Sink) Forget(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.newest(key)
	if i == nil || i.status != "acknowledged" {
		return false
	}
	i.status = "triggered"
	i.log = append(i.log, entry{"unacknowledge_log_entry", s.Now(), serviceAgent(i.service)})
	return true
}

// Merge puts the newest incident of one key into that of another.
func (s *Sink) Merge(key, into string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := s.newest(key), s.newest(into)
	from.status, from.merged = "resolved", to.id
	from.log = append(from.log, entry{"merge_log_entry", s.Now(), user("Merger")})
}

func (s *Sink) act(key, status, kind string, agent map[string]any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.newest(key)
	if i == nil {
		return false
	}
	if i.status != "resolved" {
		i.status = status
		i.log = append(i.log, entry{kind, s.Now(), agent})
	}
	return true
}

func (s *Sink) newest(key string) *incident {
	for n := len(s.incidents) - 1; n >= 0; n-- {
		if s.incidents[n].key == key {
			return s.incidents[n]
		}
	}
	return nil
}

func user(name string) map[string]any {
	return map[string]any{"id": "PUSER01", "type": "user_reference", "summary": name}
}

func serviceAgent(s Service) map[string]any {
	return map[string]any{"id": s.ID, "type": "service_reference", "summary": s.Name}
}
