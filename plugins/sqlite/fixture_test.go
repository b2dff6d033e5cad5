package sqlite

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

type obj = map[string]any

// schema is what databases begin with.
const schema = `
CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, paid BOOLEAN);
CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id));
INSERT INTO orders (item, paid) VALUES ('apple', 1), ('pear', 0), ('plum', NULL);`

// file makes a database and returns its name.
func file(t *testing.T, mode string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "app.db")
	do(t, name, "PRAGMA journal_mode="+mode+";"+schema)
	return name
}

// do runs statements as another program does.
func do(t *testing.T, file, text string) {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatalf("%s: %s: %v", file, text, err)
	}
}

// ask returns the only value of a statement, as another program reads it.
func ask(t *testing.T, file, text string) string {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+file+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var v any
	if err := db.QueryRow(text).Scan(&v); err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprint(v)
}

func config(file string) obj {
	return obj{"file": file, "backups": filepath.Join(filepath.Dir(file), "backups"), "timeout": "2s"}
}

func backend(t *testing.T, c obj) *Backend {
	t.Helper()
	return plugintest.Configured(t, New(), c)
}

var request, must = databasetest.Request, databasetest.Must

func fails(t *testing.T, b *Backend, op string, args obj, code effect.Code, says string) {
	t.Helper()
	databasetest.Fails(t, b, op, args, code, says)
}

// remains lists what killed attempts left below a directory.
func remains(t *testing.T, dir string) []string {
	t.Helper()
	var left []string
	for _, sub := range []string{"backups", "app.db.copies"} {
		entries, _ := os.ReadDir(filepath.Join(dir, sub))
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				left = append(left, filepath.Join(sub, e.Name()))
			}
		}
	}
	return left
}

func testedOn(*testing.T) plugintest.System {
	version, _, _ := sqlite3.Version()
	return plugintest.System{Name: "SQLite", Version: version}
}
