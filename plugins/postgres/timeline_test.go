package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTimelineTakenWhereNoArchiveIsConfigured: beside pgBackRest this backend has
// no wal of its own, and still knows what a node here has used.
func TestTimelineTakenWhereNoArchiveIsConfigured(t *testing.T) {
	write := func(data, history string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(data, "pg_wal"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, "pg_wal", "00000002.history"), []byte(history), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	primary, replica, mine := t.TempDir(), t.TempDir(), t.TempDir()
	j := &job{database: &database{nodes: map[string]*node{"a": {data: primary}, "b": {data: replica}, "far": {}}}}
	write(mine, "1\t0/5000000\tbefore 2026-01-01\n")
	if e := j.unique(mine); e != nil {
		t.Fatalf("no other has used it: %v", e)
	}
	write(replica, "1\t0/5000000\tbefore 2026-01-01\n")
	if e := j.unique(mine); e != nil {
		t.Fatalf("the other follows the same: %v", e)
	}
	write(replica, "1\t0/7000000\tno recovery target specified\n")
	if e := j.unique(mine); e == nil || !strings.Contains(e.Message, "(00000002) was taken by another one") {
		t.Fatalf("a promotion has used it: %v", e)
	}
}
