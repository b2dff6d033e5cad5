package probe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// closedPort returns an address on which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestCheck(t *testing.T) {
	s := startService(t)
	failing := startService(t)
	failing.status.Store(http.StatusServiceUnavailable)
	slow := startService(t)
	slow.delay.Store(int64(time.Minute))
	closed := closedPort(t)
	addr := s.Listener.Addr().String()

	tests := []struct {
		name   string
		target map[string]any
		detail string // of the result, or the start of the error's message
		fails  bool
	}{
		{"http", map[string]any{"url": s.URL + "/healthz"}, "200 OK", false},
		{"tcp", map[string]any{"tcp": addr}, "accepts connections", false},
		{"http and tcp", map[string]any{"url": s.URL + "/healthz", "tcp": addr}, "200 OK, accepts connections", false},
		{"metrics alone", map[string]any{"metrics": s.URL + "/metrics"}, "200 OK", false},
		{"expected failure", map[string]any{"url": failing.URL + "/healthz", "expect": []any{"200-299", 503.0}}, "503 Service Unavailable", false},
		{"503", map[string]any{"url": failing.URL + "/healthz"}, "GET " + failing.URL + "/healthz: 503 Service Unavailable, ", true},
		{"404", map[string]any{"url": s.URL + "/nowhere"}, "GET " + s.URL + "/nowhere: 404 Not Found, ", true},
		{"redirect", map[string]any{"url": s.URL + "/login"}, "GET " + s.URL + "/login: 302 Found (wants 200-299), ", true},
		{"refused", map[string]any{"url": "http://" + closed}, "GET http://" + closed + ": connection refused, ", true},
		{"tcp refused", map[string]any{"tcp": closed}, "connect to " + closed + ": connection refused, ", true},
		{"hanging", map[string]any{"url": slow.URL + "/healthz", "timeout": "100ms"}, "GET " + slow.URL + "/healthz: no answer in 1", true},
		{"password", map[string]any{"url": "http://ops:hunter2@" + closed}, "GET http://ops:xxxxx@" + closed + ": connection refused, ", true},
		{"second fails", map[string]any{"url": s.URL + "/healthz", "tcp": closed}, "connect to " + closed, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := configured(t, map[string]any{"green": test.target})
			timeout := 30.0
			if test.fails {
				timeout = 0.5
			}
			got, err := invoke(context.Background(), b, "check", map[string]any{"env": "green", "timeout": timeout})
			if test.fails {
				e := wantCode(t, err, effect.CodeUnhealthy)
				if test.name == "redirect" && !strings.HasPrefix(e.Hint, "it leads to "+s.URL+"/") {
					t.Errorf("hint %q", e.Hint)
				}
				if !strings.HasPrefix(e.Message, test.detail) || !strings.Contains(e.Message, " tries in ") || e.Hint == "" {
					t.Errorf("message %q, hint %q", e.Message, e.Hint)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got["healthy"] != true || got["detail"] != test.detail || got["latency"].(float64) <= 0 {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestCheckWaitsUntilHealthy(t *testing.T) {
	s := startService(t)
	s.status.Store(http.StatusServiceUnavailable)
	b := configured(t, map[string]any{"green": map[string]any{"url": s.URL + "/healthz"}})
	var lines []string
	req := request("check", map[string]any{"env": "green", "timeout": 30.0})
	req.Progress = func(line string) { // heals once the second failure is seen
		if lines = append(lines, line); len(lines) == 2 {
			s.status.Store(http.StatusOK)
		}
	}
	if _, err := b.Invoke(context.Background(), req); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 || !strings.Contains(lines[0], "503") {
		t.Errorf("progress %q", lines)
	}
	if n := s.asked.Load(); n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
}

func TestCheckTriesOnceWithoutTime(t *testing.T) {
	s := startService(t)
	b := configured(t, map[string]any{"green": map[string]any{"url": s.URL + "/healthz"}})
	if _, err := invoke(context.Background(), b, "check", map[string]any{"env": "green", "timeout": 0.0}); err != nil {
		t.Error(err)
	}
	s.status.Store(http.StatusInternalServerError)
	_, err := invoke(context.Background(), b, "check", map[string]any{"env": "green", "timeout": 0.0})
	if e := wantCode(t, err, effect.CodeUnhealthy); !strings.Contains(e.Message, "500 Internal Server Error, 1 try in ") {
		t.Error(e.Message)
	}
}

func TestCanceledCallsReturnAtOnce(t *testing.T) {
	s := startService(t)
	s.delay.Store(int64(time.Minute))
	b := configured(t, map[string]any{"green": map[string]any{"url": s.URL + "/healthz", "timeout": "1m"}})
	for op, args := range map[string]map[string]any{
		"check":   {"env": "green", "timeout": 60.0},
		"measure": {"env": "green", "window": 60.0},
	} {
		s.asked.Store(0)
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			for s.asked.Load() == 0 {
				time.Sleep(time.Millisecond)
			}
			cancel(errors.New("the operator said so"))
		}()
		start := time.Now()
		_, err := invoke(ctx, b, op, args)
		e := wantCode(t, err, effect.CodeTimeout)
		if !strings.Contains(e.Message, "the operator said so") {
			t.Error(e.Message)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %s", op, took)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	b := configured(t, map[string]any{"green": map[string]any{"tcp": "127.0.0.1:1"}, "blue": map[string]any{"tcp": "127.0.0.1:1"}})
	_, err := invoke(context.Background(), b, "check", map[string]any{"env": "gren", "timeout": 1.0})
	if e := wantCode(t, err, effect.CodeNotFound); e.Hint != `did you mean "green"? known: blue, green` {
		t.Errorf("hint %q", e.Hint)
	}
	_, err = invoke(context.Background(), b, "alerts", map[string]any{"env": "green"})
	wantCode(t, err, effect.CodeUnsupported)
	_, err = invoke(context.Background(), New(), "check", map[string]any{"env": "green"})
	wantCode(t, err, effect.CodeNotFound)
}

func TestHealth(t *testing.T) {
	s := startService(t)
	s.status.Store(http.StatusServiceUnavailable)
	closed := map[string]any{"tcp": closedPort(t)}
	b := configured(t, map[string]any{"blue": closed, "green": map[string]any{"url": s.URL + "/healthz"}})
	if err := b.Health(context.Background()); err != nil {
		t.Errorf("one target answers: %v", err)
	}
	e := wantCode(t, configured(t, map[string]any{"blue": closed}).Health(context.Background()), effect.CodeUnavailable)
	if !strings.Contains(e.Message, "blue: connect to") {
		t.Error(e.Message)
	}
	wantCode(t, New().Health(context.Background()), effect.CodeInvalid)
}
