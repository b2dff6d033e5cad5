package rehearsal

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSavesAreSeen: each file that an exploration reads counts, what stands
// elsewhere does not, and an end is heard.
func TestSavesAreSeen(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	main := write("run.lua", "a")
	w := worldFlags{scenario: write("worlds/s.lua", "a"), file: write("params.yaml", "a")}
	for name, counts := range map[string]bool{"run.lua": true, "other.lua": true, "lib/slo.lua": true, "worlds/s.lua": true, "params.yaml": true, "notes.txt": false} {
		before := saved(main, w)
		write(name, "more than before")
		if changed := saved(main, w) != before; changed != counts {
			t.Errorf("%s was saved: seen %v", name, changed)
		}
	}
	ticks := make(chan time.Time, 3)
	for range 3 {
		ticks <- time.Time{}
	}
	asked := 0
	if !awaitSave(t.Context(), ticks, func() bool { asked++; return asked == 3 }) || asked != 3 {
		t.Errorf("asked %d times", asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if awaitSave(ctx, nil, func() bool { return true }) {
		t.Error("the end was not heard")
	}
}
