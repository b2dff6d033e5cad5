package journal_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/journal/journaltest"
)

// smallJournal makes a closed journal with something in every table.
func smallJournal(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "runbook.db")
	db, err := journal.Open(ctx, path, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	gone := journaltest.Create(t, db, "run-gone")
	check(gone.SetStatus(ctx, effect.StatusCanceled))
	check(db.Delete(ctx, "run-gone"))

	a := journaltest.Create(t, db, "run-a")
	check(errOf(a.Append(ctx, journaltest.Done("1"))))
	check(a.AddSource(ctx, journal.Source{Name: "blue-green.lua", Text: []byte("fixed")}, effect.Event{At: journaltest.At(2), Kind: effect.SourceChanged}))
	check(a.Lock(ctx, []string{"traffic/web", "db/main"}))
	check(errOf(db.Send(ctx, "run-a", effect.Event{At: journaltest.At(3), Kind: effect.CancelRequested, Body: effect.Body{By: "bob"}}, nil)))
	check(a.Close(ctx))
	a, err = db.Acquire(ctx, "run-a", journal.Self())
	check(err)
	check(errOf(a.Append(ctx, journaltest.Done("2"), journaltest.Done("3"))))
	check(a.Renew(ctx)) // and it stays held

	b := journaltest.Create(t, db, "run-b")
	check(b.SetStatus(ctx, effect.StatusFailed))
	fork := journaltest.New("run-c")
	fork.Parent, fork.Forked = "run-b", effect.Event{At: journaltest.At(4), Kind: effect.Forked}
	c, err := db.Create(ctx, fork, journal.Self())
	check(err)
	check(c.SetStatus(ctx, effect.StatusWaiting))
	check(db.Close())
	return path
}

// tampered copies the journal, lets tamper loose on the copy, and returns what
// Verify says.
func tampered(t *testing.T, path string, tamper func(db *sql.DB) error) []journal.Fault {
	t.Helper()
	other := filepath.Join(t.TempDir(), "copy.db")
	for _, suffix := range []string{"", ".key"} {
		data, err := os.ReadFile(path + suffix)
		if err == nil {
			err = os.WriteFile(other+suffix, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := sql.Open("sqlite3", "file:"+other+"?_ignore_check_constraints=1&_synchronous=OFF")
	if err != nil {
		t.Fatal(err)
	}
	err = tamper(raw)
	if closeErr := raw.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	db, err := journal.Open(t.Context(), other, journal.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	report, err := db.Verify(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return report.Faults
}

// cell is one column of one row.
type cell struct {
	table, key, column string // key is a condition that only this row meets
	value              any
	run                string // the run's id, if the row belongs to one
	seq                int64
}

func (c cell) String() string { return c.table + " where " + c.key + ": " + c.column }

// cells returns all there are.
func cells(t *testing.T, path string) []cell {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	keys := map[string]string{"runs": "num", "events": "run,seq", "sources": "run,seq,name", "locks": "name", "deleted": "num", "key_file": "one"}
	var list []cell
	for table, key := range keys {
		rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			values := make([]any, len(columns))
			dests := make([]any, len(columns))
			at := map[string]any{}
			for i := range values {
				dests[i] = &values[i]
			}
			if err := rows.Scan(dests...); err != nil {
				t.Fatal(err)
			}
			var where []string
			for i, c := range columns {
				at[c] = values[i]
				if strings.Contains(","+key+",", ","+c+",") {
					where = append(where, fmt.Sprintf("%s = '%v'", c, values[i]))
				}
			}
			for i, c := range columns {
				one := cell{table: table, key: strings.Join(where, " AND "), column: c, value: values[i]}
				if num, ok := at["run"].(int64); ok {
					one.run = map[int64]string{2: "run-a", 3: "run-b", 4: "run-c"}[num]
				}
				if id, ok := at["id"].(string); ok {
					one.run = id
				}
				one.seq, _ = at["seq"].(int64)
				list = append(list, one)
			}
			n++
		}
		if err := rows.Err(); err != nil || n == 0 {
			t.Fatalf("%s: %d rows, %v", table, n, err)
		}
	}
	return list
}

// flip changes one byte, or the number by one.
func flip(v any) any {
	switch v := v.(type) {
	case int64:
		return v + 1
	case string:
		if v == "" {
			return "x"
		}
		b := []byte(v)
		b[len(b)/2] ^= 1
		return string(b)
	case []byte:
		b := append([]byte{}, v...)
		if len(b) == 0 {
			return []byte{0}
		}
		b[len(b)/2] ^= 1
		return b
	}
	return v
}

func TestEveryColumnOfEveryRow(t *testing.T) {
	path := smallJournal(t)
	if faults := tampered(t, path, func(*sql.DB) error { return nil }); len(faults) > 0 {
		t.Fatalf("before: %v", faults)
	}
	all := cells(t, path)
	for _, c := range all {
		faults := tampered(t, path, func(db *sql.DB) error {
			query := "UPDATE " + c.table + " SET " + c.column + " = ? WHERE " + c.key
			result, err := db.ExecContext(t.Context(), query, flip(c.value))
			if err != nil { // the number beside it is taken
				result, err = db.ExecContext(t.Context(), query, c.value.(int64)+1<<20)
			}
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); n != 1 || err != nil {
				return fmt.Errorf("%s: %d rows, %w", query, n, err)
			}
			return nil
		})
		if !named(c, faults) {
			t.Errorf("%s: %v", c, faults)
		}
	}
	t.Logf("%d columns changed in turn", len(all))
}

// named reports whether a fault names the row that was changed. A row whose
// own name was changed is named by the old one or the new one.
func named(c cell, faults []journal.Fault) bool {
	for _, f := range faults {
		moved := c.column == "run" || c.column == "id" || c.column == "num" || c.column == "one"
		switch {
		case !strings.Contains(f.What, c.table):
		case c.table == "events":
			if f.Run == c.run && f.Seq == c.seq {
				return true
			}
		case moved, f.Run == c.run:
			return true
		}
	}
	return false
}

func TestRowsRemovedAndMoved(t *testing.T) {
	path := smallJournal(t)
	for _, c := range []struct {
		name string
		sql  string
		want []string // the beginnings of what has to be found
	}{
		{"an event removed", "DELETE FROM events WHERE run = 2 AND seq = 3", []string{"run run-a, event 3: events: event 3 is missing"}},
		{"the first removed", "DELETE FROM events WHERE run = 2 AND seq = 1", []string{"run run-a, event 1: events: event 1 is missing"}},
		{"two removed", "DELETE FROM events WHERE run = 2 AND seq IN (3, 4)", []string{"run run-a, event 3: events: events 3 to 4 are missing"}},
		{"the tail cut off", "DELETE FROM events WHERE run = 2 AND seq > 4", []string{"run run-a, event 5: events: events 5 to 6 are missing at the end"}},
		{"all events removed", "DELETE FROM events WHERE run = 2", []string{"run run-a, event 1: events: events 1 to 6 are missing at the end"}},
		{"two swapped", `UPDATE events SET seq = -1 WHERE run = 2 AND seq = 5; UPDATE events SET seq = 5 WHERE run = 2 AND seq = 6;
			UPDATE events SET seq = 6 WHERE run = 2 AND seq = -1`, []string{"run run-a, event 5: events: the row was changed", "run run-a, event 6: events: the row was changed"}},
		{"bodies swapped", `UPDATE events SET body = (SELECT body FROM events WHERE run = 2 AND seq = 4) WHERE run = 2 AND seq = 2`,
			[]string{"run run-a, event 2: events: the row was changed"}},
		{"a run's events from another", "UPDATE events SET hash = (SELECT hash FROM events o WHERE o.run = 3 AND o.seq = events.seq) WHERE run = 4 AND seq <= 2",
			[]string{"run run-c, event 1: "}},
		{"a row added at the end", `INSERT INTO events SELECT run, seq + 1, at, epoch, kind, place, version, body, hash FROM events WHERE run = 2 AND seq = 6`,
			[]string{"run run-a, event 7: events: the row was changed", "run run-a, event 7: events: event 7 is behind the newest"}},
		{"a run removed", "DELETE FROM events WHERE run = 3; DELETE FROM sources WHERE run = 3; DELETE FROM runs WHERE num = 3", []string{"runs: run number 3 is gone"}},
		{"the newest run removed", "DELETE FROM events WHERE run = 4; DELETE FROM sources WHERE run = 4; DELETE FROM runs WHERE num = 4", []string{"runs: run number 4 is gone"}},
		{"a run's row removed", "DELETE FROM runs WHERE num = 3", []string{"runs: run number 3 is gone", "events: 3 rows"}},
		{"a deletion forgotten", "DELETE FROM deleted", []string{"runs: run number 1 is gone"}},
		{"a lock removed", "DELETE FROM locks WHERE name = 'db/main'", []string{"run run-a: runs: the row, or the set of its locks (now traffic/web)"}},
		{"a lock added", "INSERT INTO locks SELECT env, 'more', run, since, owner, seal FROM locks LIMIT 1", []string{"run run-a: locks: the row of more in \"prod\" was changed"}},
		{"a lock moved", "UPDATE locks SET run = 3 WHERE name = 'db/main'", []string{"run run-b: locks: the row of db/main in \"prod\" was changed"}},
		{"a lock of another environment", "UPDATE locks SET env = 'stage' WHERE name = 'db/main'", []string{"run run-a: locks: the row of db/main in \"stage\" was changed"}},
		{"the newest event removed", "DELETE FROM events WHERE run = 4 AND seq = (SELECT max(seq) FROM events WHERE run = 4)", []string{"run run-c, event 2: events: event 2 is missing at the end"}},
		{"a source removed", "DELETE FROM sources WHERE run = 2 AND seq = 3", []string{"run run-a: sources: blue-green.lua, of event 3, is missing"}},
		{"a source added", "INSERT INTO sources SELECT run, seq, 'more', hash, text FROM sources WHERE run = 4 LIMIT 1", []string{"run run-c: sources: the files that the run began with"}},
		{"a status changed", "UPDATE runs SET status = 'succeeded' WHERE num = 3", []string{`run run-b: runs: status is "succeeded" and its events say "failed"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := tampered(t, path, func(db *sql.DB) error {
				_, err := db.ExecContext(t.Context(), c.sql)
				return err
			})
			for _, want := range c.want {
				found := false
				for _, f := range faults {
					found = found || strings.HasPrefix(f.String(), want)
				}
				if !found {
					t.Errorf("wants %q, got %v", want, faults)
				}
			}
		})
	}
}

// TestOneFaultForOneByte shows that a changed row does not put its neighbours
// under suspicion.
func TestOneFaultForOneByte(t *testing.T) {
	path := smallJournal(t)
	for _, c := range cells(t, path) {
		if c.table != "events" || c.seq != 2 || c.run != "run-a" || c.column == "run" || c.column == "seq" {
			continue
		}
		faults := tampered(t, path, func(db *sql.DB) error {
			_, err := db.ExecContext(t.Context(), "UPDATE events SET "+c.column+" = ? WHERE "+c.key, flip(c.value))
			return err
		})
		for _, f := range faults {
			if f.Run != c.run || f.Seq != c.seq {
				t.Errorf("%s: %v", c, f)
			}
		}
	}
}
