package databasetest

import (
	"os"
	"path/filepath"
	"testing"
)

// Goose writes migrations in goose's form into a directory: each has its name, what
// it does, and what takes it back. Those whose name ends with "bare" have no
// transaction.
func Goose(t testing.TB, migrations map[string][2]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, does := range migrations {
		GooseFile(t, dir, name, does[0], does[1])
	}
	return dir
}

// GooseFile writes one of them.
func GooseFile(t testing.TB, dir, name, up, down string) {
	t.Helper()
	text := "-- +goose Up\n" + up + "\n-- +goose Down\n" + down + "\n"
	if len(name) > 4 && name[len(name)-4:] == "bare" {
		text = "-- +goose NO TRANSACTION\n" + text
	}
	if err := os.WriteFile(filepath.Join(dir, name+".sql"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
