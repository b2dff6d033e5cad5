package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
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
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Configure(context.Background(), checked); err != nil {
		t.Fatal(err)
	}
	return b
}

// request makes a request as the engine does.
func request(t *testing.T, op, key string, args obj) plugins.Request {
	t.Helper()
	contract, _ := stdlib.Contract("db")
	for _, o := range contract.Ops {
		if o.Name == op {
			checked, err := o.Check(args)
			if err != nil {
				t.Fatalf("%s %v: %v", op, args, err)
			}
			return plugins.Request{Op: op, Args: checked, Key: key, Attempt: 1, Progress: func(string) {}}
		}
	}
	t.Fatalf("no op %s", op)
	return plugins.Request{}
}

var keys int

func invoke(t *testing.T, b *Backend, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	keys++
	v, err := b.Invoke(t.Context(), request(t, op, fmt.Sprint("key-", keys), args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

func must(t *testing.T, b *Backend, op string, args obj) obj {
	t.Helper()
	v, err := invoke(t, b, op, args)
	if err != nil {
		t.Fatalf("%s %v: %v", op, args, err)
	}
	return v
}

func fails(t *testing.T, b *Backend, op string, args obj, code effect.Code, says string) {
	t.Helper()
	v, e := invoke(t, b, op, args)
	if e == nil || e.Code != code || !strings.Contains(e.Message+" | "+e.Hint, says) {
		t.Errorf("%s %v: got %v, %v, want %s, %q", op, args, v, e, code, says)
	}
	if e != nil && e.Hint == "" && code != effect.CodeFailed && code != effect.CodeInvalid {
		t.Errorf("%s %v: %v says nothing of what to do", op, args, e)
	}
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
