package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestPatientWriter: a journal that somebody has locked for longer than SQLite
// waits costs nothing; the writer says who it is, and goes on.
func TestPatientWriter(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the busy timeout")
	}
	db, w := newDB(t)
	conn := raw(t, db.path)
	exec(t, conn, "BEGIN IMMEDIATE")
	notes := make(chan string, 2)
	w.WhenBusy(t.Context(), func(line string) { notes <- line })
	done := make(chan error, 1)
	go func() {
		_, err := w.Append(context.Background(), effect.Event{Kind: effect.Logged})
		done <- err
	}()
	waiting := <-notes
	if self := fmt.Sprintf("(process %d) is writing to %s", os.Getpid(), db.path); !strings.Contains(waiting, self) {
		t.Errorf("it says %q, wants %q", waiting, self)
	}
	exec(t, conn, "ROLLBACK")
	if err := <-done; err != nil {
		t.Errorf("append: %v", err)
	}
	if free := <-notes; !strings.Contains(free, "free again") {
		t.Errorf("afterwards it says %q", free)
	}

	// It gives up when its context ends.
	exec(t, conn, "BEGIN IMMEDIATE")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	w.WhenBusy(ended, func(string) {})
	if _, err := w.Append(t.Context(), effect.Event{Kind: effect.Logged}); !errors.Is(err, ErrBusy) {
		t.Errorf("after its context has ended: %v", err)
	}
	exec(t, conn, "ROLLBACK")
}
