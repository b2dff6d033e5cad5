package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func keep(t *testing.T, s Store, text string) string {
	t.Helper()
	sum, size, err := s.Keep(strings.NewReader(text))
	if err != nil || size != int64(len(text)) {
		t.Fatalf("kept %d bytes, %v", size, err)
	}
	return sum
}

func names(t *testing.T, s Store) []string {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestKeep(t *testing.T) {
	s := Of(filepath.Join(t.TempDir(), "rb.db"))
	sum := keep(t, s, "p99 180 ms")
	if again := keep(t, s, "p99 180 ms"); again != sum {
		t.Errorf("the same text is kept as %s and %s", sum, again)
	}
	if want := sha256.Sum256([]byte("p99 180 ms")); sum != hex.EncodeToString(want[:]) {
		t.Errorf("kept as %s", sum)
	}
	if text, err := os.ReadFile(s.Path(sum)); string(text) != "p99 180 ms" {
		t.Errorf("it holds %q, %v", text, err)
	}
	if info, err := os.Stat(s.Path(sum)); err != nil || info.Mode() != 0o400 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(s.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v, %v", info.Mode(), err)
	}
	broken := errors.New("the disk is gone")
	if _, _, err := s.Keep(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("what cannot be read: %v", err)
	}
	if list := names(t, s); len(list) != 1 {
		t.Errorf("left are %v", list)
	}
}

func TestSweep(t *testing.T) {
	s := Of(filepath.Join(t.TempDir(), "rb.db"))
	if gone, err := s.Sweep(nil, time.Now()); gone != 0 || err != nil {
		t.Errorf("without a folder: %d, %v", gone, err)
	}
	named, unnamed := keep(t, s, "named"), keep(t, s, "unnamed")
	for name, text := range map[string]string{"part-17": "half", "notes.txt": "somebody's"} {
		if err := os.WriteFile(s.Path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if gone, err := s.Sweep(map[string]bool{named: true}, time.Now().Add(-time.Hour)); gone != 0 || err != nil {
		t.Errorf("what was kept just now: %d, %v", gone, err)
	}
	if gone, err := s.Sweep(map[string]bool{named: true}, time.Now().Add(time.Hour)); gone != 2 || err != nil {
		t.Errorf("%d went, %v", gone, err)
	}
	if list := strings.Join(names(t, s), " "); list != named+" notes.txt" || strings.Contains(list, unnamed) {
		t.Errorf("left are %s", list)
	}
}
