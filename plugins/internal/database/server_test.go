//go:build linux

package database

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// deaf starts a program that does not hear the signal to shut down.
func deaf(t *testing.T) *Server {
	t.Helper()
	s := &Server{Quit: syscall.SIGKILL}
	if err := s.Start([]string{"sh", "-c", "trap '' INT; echo deaf; exec tail -f /dev/null"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.End)
	for deadline := time.Now().Add(time.Minute); s.Said()[0] != "deaf"; {
		if time.Now().After(deadline) {
			t.Fatal("it does not begin")
		}
	}
	return s
}

// TestStopHasTheTimeOfItsCall: a server that does not shut down is ended with its
// call, not before and not after.
func TestStopHasTheTimeOfItsCall(t *testing.T) {
	s := deaf(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := s.Stop(ctx, syscall.SIGINT)
	if took := time.Since(began); !errors.Is(err, ErrKilled) || !s.Ended() || took < 300*time.Millisecond || took > 20*time.Second {
		t.Errorf("after %s: %v, ended %t", took, err, s.Ended())
	}
}

// TestLeave: whoever only looked has time to shut down although its call is over.
func TestLeave(t *testing.T) {
	var said []string
	c, cancel := NewCall(t.Context(), plugins.Request{Args: map[string]any{"timeout": 0.001}, Progress: func(line string) { said = append(said, line) }})
	defer cancel()
	<-c.Ctx.Done()
	c.Leave(func(ctx context.Context) *effect.Error {
		if until, bound := ctx.Deadline(); ctx.Err() != nil || !bound || time.Until(until) < 50*time.Second {
			t.Errorf("it has until %s (%v)", until, ctx.Err())
		}
		return effect.Errorf(effect.CodeTimeout, "the server of the copy %v", ErrKilled)
	})
	if !strings.Contains(strings.Join(said, "\n"), "until it has recovered") {
		t.Errorf("nothing says so: %v", said)
	}
}
