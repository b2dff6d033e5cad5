// Package statuspagetest is a server for tests, and for the lab, that keeps
// incidents and components as the documentation of Statuspage's REST API says. It
// is no Statuspage: it shows customers nothing and sends subscribers nothing.
package statuspagetest

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Page is a status page.
type Page struct {
	ID, Token  string
	Components []string // their names; all operational in the beginning
}

// Server is the server. Its exported functions may be called at any time.
type Server struct {
	URL string // of the API: "http://127.0.0.1:…/v1"

	mu     sync.Mutex
	before func(w http.ResponseWriter, r *http.Request) bool
	after  func(w http.ResponseWriter, r *http.Request) bool
	merges bool
	pages  map[string]*kept
}

// kept is what there is of a page.
type kept struct {
	Page
	components []map[string]any
	incidents  []*incident // in the order of their beginning
}

type incident struct {
	id, name, status, impact string
	metadata                 map[string]any
	components               []string // their IDs
	updates                  []Update
	created                  time.Time
}

// Incident is one as customers see it, the newest update last.
type Incident struct {
	Name, Status, Impact string
	Updates              []Update
	Created              time.Time
}

// Update is one word about an incident.
type Update struct {
	Status, Text string
	Quiet        bool // subscribers are not told
}

// test is what Start wants of a *testing.T; programs that are no tests do not
// import package testing.
type test interface {
	Helper()
	Cleanup(func())
	Fatal(...any)
}

// Start runs a server on loopback until the test ends.
func Start(t test, pages ...Page) *Server {
	t.Helper()
	s, stop, err := New(pages...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s
}

// New runs a server on loopback until stop.
func New(pages ...Page) (s *Server, stop func(), err error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("start a server for Statuspage's API: %w", err)
	}
	s = &Server{URL: "http://" + listener.Addr().String() + "/v1", pages: map[string]*kept{}}
	for _, p := range pages {
		k := &kept{Page: p}
		for i, name := range p.Components {
			k.components = append(k.components, map[string]any{"id": fmt.Sprintf("cmp%09d", i), "name": name, "status": "operational", "group": false})
		}
		s.pages[p.ID] = k
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/pages/{page}/components", s.authorized(components))
	mux.HandleFunc("GET /v1/pages/{page}/incidents", s.authorized(last))
	mux.HandleFunc("GET /v1/pages/{page}/incidents/unresolved", s.authorized(unresolved))
	mux.HandleFunc("POST /v1/pages/{page}/incidents", s.authorized(s.create))
	mux.HandleFunc("PATCH /v1/pages/{page}/incidents/{id}", s.authorized(s.update))
	server := &http.Server{Handler: s.hooked(mux), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	return s, func() {
		_ = server.Close()
		_ = listener.Close() // in case Serve had not begun
		serving.Wait()
	}, nil
}

// SetBefore lets a function be asked about each request first; true says that it
// answered.
func (s *Server) SetBefore(before func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// SetAfter lets a function take the answer away, once the request was carried out.
func (s *Server) SetAfter(after func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = after
}

// Merge lets an update's metadata be added to what there is instead of replacing
// it: the documentation does not say which of them Statuspage does.
func (s *Server) Merge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.merges = true
}

// Incidents returns those of a page, in the order of their beginning.
func (s *Server) Incidents(page string) []Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Incident
	for _, i := range s.pages[page].incidents {
		out = append(out, Incident{i.name, i.status, i.impact, append([]Update(nil), i.updates...), i.created})
	}
	return out
}

// States returns how the components of a page are, by name.
func (s *Server) States(page string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for _, c := range s.pages[page].components {
		out[c["name"].(string)], _ = c["status"].(string)
	}
	return out
}
