package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestIdentity(t *testing.T) {
	for name, of := range map[string]func(string) (identity, error){"identify": identify, "stat": stat} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			one, other := filepath.Join(dir, "one"), filepath.Join(dir, "other")
			for _, path := range []string{one, other} {
				if err := os.WriteFile(path, []byte("twelve bytes"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			first, err := of(one)
			if err != nil || first.size != 12 {
				t.Fatalf("%+v, %v; want 12 bytes", first, err)
			}
			second, err := of(other)
			if err != nil || first.same(second) {
				t.Fatalf("two files are one: %+v, %v", second, err)
			}
			if err := os.Rename(one, other); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(other, 7); err != nil {
				t.Fatal(err)
			}
			moved, err := of(other)
			if err != nil || !moved.same(first) || moved.size != 7 {
				t.Fatalf("%+v, %v; want what %+v was, with 7 bytes", moved, err, first)
			}
			if byStat, err := stat(other); err != nil || byStat != moved {
				t.Fatalf("%+v, %v; want %+v", byStat, err, moved)
			}
			if _, err := of(one); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%v; want that it does not exist", err)
			}
		})
	}
}
