package journal_test

import (
	"path/filepath"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/journal/journaltest"
)

func open(t testing.TB, path string, opts journal.Options) *journal.DB {
	t.Helper()
	db, err := journal.Open(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openNew(t *testing.T) *journal.DB {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "runbook.db"), journal.Options{})
}

func TestConformance(t *testing.T) { journaltest.Run(t, openNew) }
