package postgres

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
)

// TestACopyThatDoesNotShutDown is ended with its call; its data recovers at the
// next start.
func TestACopyThatDoesNotShutDown(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	b := backend(t, l.config(a))
	must(t, b, "backup", obj{})
	must(t, b, "restore", obj{"copy": "c"})
	j := &job{shared.Quiet(t.Context()), b.settings.Unnamed}
	data := j.copies.DataOf("c")
	s, e := j.serve(data)
	if e != nil {
		t.Fatal(e)
	}
	defer s.end()
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil || pid <= 1 {
		t.Fatal(pid, err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if e := s.stop(ctx); e == nil || e.Code != effect.CodeTimeout || !strings.Contains(e.Message, "until it has recovered") || time.Since(began) > 30*time.Second {
		t.Errorf("after %s: %v", time.Since(began), e)
	}
	s.end()
	for deadline := time.Now().Add(waiting); ; { // what the server had started ends a little later than it does
		got, e := databasetest.Invoke(t, b, "query", obj{"copy": "c", "sql": "SELECT count(*) AS n FROM orders"})
		if e == nil && got["rows"].([]any)[0].(obj)["n"] == 3.0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("recovered, it has %v, %v", got, e)
		}
	}
}
