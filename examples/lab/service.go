package lab

import (
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// deployTime is how long a deployment takes; meanwhile the service
	// answers 503.
	deployTime = 500 * time.Millisecond
	// An answer takes baseLatency and an exponentially distributed rest.
	baseLatency = 3 * time.Millisecond
	meanJitter  = 1500 * time.Microsecond
	maxJitter   = 15 * time.Millisecond
)

// service is one environment of the web service, blue or green.
type service struct {
	name string
	port *port

	mu       sync.Mutex
	release  *release // nil: nothing is deployed
	incoming string   // the version being deployed
	fault    Fault
	slow     time.Duration
	fail     float64 // percent
	failures float64 // carried over, so that 5% fails 5 requests in every 100
	random   *rand.Rand
	server   *http.Server // nil while the service is down
	closed   bool
	serving  sync.WaitGroup
}

// ServiceState is what there is to know about an environment.
type ServiceState struct {
	URL      string `json:"url"`
	Version  string `json:"version,omitempty"`  // empty if nothing is deployed
	Incoming string `json:"incoming,omitempty"` // the version being deployed
	Fault    Fault  `json:"fault"`
}

func newService(name string, seed uint64) (*service, error) {
	p, err := reservePort()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s := &service{name: name, port: p, random: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))}
	if err := s.listen(); err != nil {
		p.release()
		return nil, err
	}
	return s, nil
}

func (s *service) url() string { return "http://" + s.port.addr }

// listen opens the port and serves; it is called at the start and when the
// fault "down" is cleared. The lock is held, or nobody else knows s yet.
func (s *service) listen() error {
	l, err := s.port.listen(context.Background())
	if err != nil {
		return fmt.Errorf("start %s on %s: %w", s.name, s.port.addr, err)
	}
	server := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0)}
	s.server = server
	s.serving.Go(func() { _ = server.Serve(l) })
	return nil
}

// close ends the service and gives its port back.
func (s *service) close() {
	s.mu.Lock()
	s.closed = true
	server := s.server
	s.server = nil
	s.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
	s.serving.Wait()
	s.port.release()
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if r := s.current(); r != nil {
			fmt.Fprintf(w, "ok %s %s\n", s.name, r.version)
			return
		}
		http.Error(w, s.name+" is not deployed", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if rel := s.current(); rel != nil {
			rel.metrics.ServeHTTP(w, r)
			return
		}
		http.Error(w, s.name+" is not deployed", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/", s.answer)
	return mux
}

// current returns the deployed release, or nil.
func (s *service) current() *release {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.release
}

// answer serves one request of the service's users.
func (s *service) answer(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	rel, delay, fails := s.draw()
	if rel == nil {
		http.Error(w, s.name+" is not deployed", http.StatusServiceUnavailable)
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
	body, code := fmt.Sprintf("{\"env\":%q,\"version\":%q}\n", s.name, rel.version), http.StatusOK
	if fails {
		body, code = "{\"error\":\"a fault of the lab\"}\n", http.StatusInternalServerError
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Env", s.name)
	h.Set("X-Version", rel.version)
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
	rel.observe(code, time.Since(began))
}

// draw decides one request: by which release, how fast, and whether well.
func (s *service) draw() (*release, time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	jitter := min(time.Duration(s.random.ExpFloat64()*float64(meanJitter)), maxJitter)
	fails := false
	if s.failures += s.fail; s.failures >= 100 {
		s.failures -= 100
		fails = true
	}
	return s.release, baseLatency + jitter + s.slow, fails
}

// deploy replaces what is deployed by a version. Like a restart in place it
// takes a moment without service, and counters start again from zero.
func (s *service) deploy(ctx context.Context, version string) error {
	if !validVersion(version) {
		return badRequest("deploy to %s: %q is not a version: write v1.1.0 (letters, digits, and . _ + -, at most 64)",
			s.name, version)
	}
	s.mu.Lock()
	if s.incoming != "" {
		defer s.mu.Unlock()
		return conflict("deploy %s to %s: the deployment of %s is under way", version, s.name, s.incoming)
	}
	s.incoming, s.release = version, nil
	s.mu.Unlock()

	next, err := newRelease(version)
	timer := time.NewTimer(deployTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		err = fmt.Errorf("deploy %s to %s: the lab ends: %w", version, s.name, ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incoming = ""
	if err != nil {
		return err
	}
	s.release = next
	return nil
}

// validVersion reports whether a version can stand in headers and labels.
func validVersion(version string) bool {
	odd := strings.IndexFunc(version, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && (r < '0' || r > '9') && !strings.ContainsRune("._+-", r)
	})
	return version != "" && len(version) <= 64 && odd < 0
}

// decommission takes away what is deployed; there may be nothing.
func (s *service) decommission() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incoming != "" {
		return conflict("decommission %s: the deployment of %s is under way", s.name, s.incoming)
	}
	s.release = nil
	return nil
}

// setFault changes what is wrong with the service.
func (s *service) setFault(f Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := f.onto(s.fault)
	slow, fail, err := next.parse()
	if err != nil {
		return err
	}
	switch {
	case s.closed:
		return conflict("%s: the lab ends", s.name)
	case next.Down && s.server != nil:
		// Requests under way are cut off, as they are when a process dies.
		_ = s.server.Close()
		s.server = nil
	case !next.Down && s.server == nil:
		if err := s.listen(); err != nil {
			return err
		}
	}
	s.fault, s.slow, s.fail, s.failures = next, slow, fail, 0
	return nil
}

func (s *service) state() ServiceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := ServiceState{URL: s.url(), Incoming: s.incoming, Fault: s.fault}
	if s.release != nil {
		st.Version = s.release.version
	}
	return st
}
