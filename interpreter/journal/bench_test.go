package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// step returns the two events of a write: intent and outcome.
func step(place effect.Place, at time.Time) (intent, done effect.Event) {
	intent = effect.Event{At: at, Kind: effect.EffectIntended, Place: place, Body: effect.Body{
		Op: "traffic.split", Args: json.RawMessage(`{"blue":90,"green":10}`), Class: effect.Write, Recovery: effect.Observe,
		Key: "0198c0de-7a11-7000-8000-000000000001/" + string(place), Attempt: 1, Where: effect.Position{File: "blue-green.lua", Line: 42}}}
	done = effect.Event{At: at, Kind: effect.EffectDone, Place: place,
		Body: effect.Body{Value: json.RawMessage(`{"weights":{"blue":90,"green":10}}`)}}
	return intent, done
}

func benchDB(b *testing.B) (*DB, *Writer) {
	b.Helper()
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "runbook.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	w, err := db.Create(b.Context(), NewRun{ID: "0198c0de-7a11-7000-8000-000000000001", Name: "bench",
		Created: effect.Event{At: time.Now(), Kind: effect.RunCreated}}, Self())
	if err != nil {
		b.Fatal(err)
	}
	return db, w
}

// bareDB is SQLite with the same pragmas and a table of the same columns, and
// nothing that the journal adds: no chain, no lease, no bodies to encode.
func bareDB(b *testing.B) (*sql.Conn, *sql.Stmt) {
	b.Helper()
	db, err := sql.Open("sqlite3", dsn(filepath.Join(b.TempDir(), "bare.db"), writeDSN))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	_, err = conn.ExecContext(b.Context(), `CREATE TABLE events (run INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
		epoch INTEGER NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL,
		PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID`)
	if err != nil {
		b.Fatal(err)
	}
	insert, err := conn.PrepareContext(b.Context(), "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	return conn, insert
}

// rowOf is what a bare insert of e binds.
func rowOf(b *testing.B, seq int64, e *effect.Event) []any {
	b.Helper()
	body, err := json.Marshal(e.Body)
	if err != nil {
		b.Fatal(err)
	}
	return []any{int64(1), seq, e.At.UnixNano(), int64(1), string(e.Kind), e.Place, int64(1), string(body), make([]byte, 32)}
}

// BenchmarkAppendAgainstBare appends an intent and an outcome, two commits, and
// does the same on bare SQLite in turn. x-bare is the journal's speed in units
// of bare speed: 0.9 or better is the aim.
func BenchmarkAppendAgainstBare(b *testing.B) {
	_, w := benchDB(b)
	_, insert := bareDB(b)
	ctx := context.Background()
	now := time.Now()
	var ours, bare time.Duration
	for i := 0; b.Loop(); i++ {
		place := fmt.Sprint(i)
		intent, done := step(effect.Place(place), now)
		first, second := rowOf(b, int64(2*i+1), &intent), rowOf(b, int64(2*i+2), &done)
		began := time.Now()
		for _, e := range []effect.Event{intent, done} {
			if _, err := w.Append(ctx, e); err != nil {
				b.Fatal(err)
			}
		}
		between := time.Now()
		for _, args := range [][]any{first, second} {
			if _, err := insert.ExecContext(ctx, args...); err != nil {
				b.Fatal(err)
			}
		}
		ours += between.Sub(began)
		bare += time.Since(between)
	}
	b.ReportMetric(float64(bare)/float64(ours), "x-bare")
	b.ReportMetric(float64(b.N)/ours.Seconds(), "steps/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkEventsAgainstBare reads 1,000 events, and the same rows with a bare
// SELECT in turn. x-bare is the journal's time in units of bare time: 3 or
// less is the aim.
func BenchmarkEventsAgainstBare(b *testing.B) {
	db, w := benchDB(b)
	conn, insert := bareDB(b)
	ctx := b.Context()
	const steps = 500
	var events []effect.Event
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		b.Fatal(err)
	}
	for i := range steps {
		intent, done := step(effect.Place("").Effect(i), time.Now())
		events = append(events, intent, done)
		for j, e := range []effect.Event{intent, done} {
			if _, err := insert.ExecContext(ctx, rowOf(b, int64(2*i+j+1), &e)...); err != nil {
				b.Fatal(err)
			}
		}
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		b.Fatal(err)
	}
	if _, err := w.Append(ctx, events...); err != nil {
		b.Fatal(err)
	}
	sel, err := conn.PrepareContext(ctx, "SELECT seq, at, epoch, kind, place, version, body FROM events WHERE run = ? AND seq > ? ORDER BY seq")
	if err != nil {
		b.Fatal(err)
	}
	var ours, bare time.Duration
	for b.Loop() {
		began := time.Now()
		got, err := db.Events(ctx, w.Run(), 1)
		if err != nil || len(got) != 2*steps {
			b.Fatal(len(got), err)
		}
		between := time.Now()
		rows, err := sel.QueryContext(ctx, 1, 0)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for rows.Next() {
			var r row
			if err := rows.Scan(r.fields()...); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if err := rows.Close(); err != nil || n != 2*steps {
			b.Fatal(n, err)
		}
		ours += between.Sub(began)
		bare += time.Since(between)
	}
	b.ReportMetric(float64(ours)/float64(bare), "x-bare")
	b.ReportMetric(ours.Seconds()*1e3/float64(b.N), "ms/1000-events")
	b.ReportMetric(0, "ns/op")
}
