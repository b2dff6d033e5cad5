package journal

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Stored is an event as it is stored: what its hash covers, so that a copy can be
// verified where the database is not.
type Stored struct {
	Run     string `json:"run"`
	Seq     int64  `json:"seq"`
	At      int64  `json:"at"` // nanoseconds since 1970
	Epoch   int64  `json:"epoch"`
	Kind    string `json:"kind"`
	Place   string `json:"place"`
	Version int64  `json:"version"` // of the body's form
	Body    string `json:"body"`    // the text that was stored
	Hash    string `json:"hash"`    // hex
}

// Follow returns the hash that the event has behind one with the hash before, in
// hex; the first event of a run has "" before it.
func (s *Stored) Follow(before string) (string, error) {
	l := link{seq: s.Seq - 1}
	if before != "" {
		raw, err := hex.DecodeString(before)
		if err != nil || len(raw) != len(l.hash) {
			return "", fmt.Errorf("%q is no SHA-256 in hex", before)
		}
		copy(l.hash[:], raw)
	}
	r := s.row()
	next := l.next(s.Run, &r)
	return hex.EncodeToString(next.hash[:]), nil
}

// Excerpt is the part of a run's chain that an export holds.
type Excerpt struct {
	Run    string        `json:"run"`
	Name   string        `json:"name"`
	Env    string        `json:"env,omitempty"` // which its events do not say
	Status effect.Status `json:"status"`        // now
	First  int64         `json:"first"`         // seq of the first event in it, and of the last
	Last   int64         `json:"last"`
	Before string        `json:"before,omitempty"` // the hash of the event before the first
}

// Brought is a version of a source, with the event that brought it: that names
// its hash, so that the text can be held against the chain.
type Brought struct {
	Run  string
	Seq  int64
	Name string
	Hash string // SHA-256 of Text, in hex
	Text []byte
}

// Deleted is what is left of a run that was deleted.
type Deleted struct {
	Run     string    `json:"run"`
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
	HeadSeq int64     `json:"head_seq"`
	Head    string    `json:"head"`
}

// Exporter takes an export, in this order: each run's excerpt with its events and
// the sources that these brought, the heads of all runs, and what was deleted.
type Exporter interface {
	Excerpt(Excerpt) error
	Event(*Stored) error
	Source(*Brought) error
	Head(Head) error
	Deleted(Deleted) error
}

// Window says what an export holds: the events from one time on and before
// another, of these runs; of all, if none is named.
type Window struct {
	From, To time.Time
	Runs     []string
}

// Export hands over the events of a window, run by run in the order in which these
// were created, from one moment of the journal.
func (d *DB) Export(ctx context.Context, w Window, x Exporter) error {
	return d.snapshot(ctx, "export", func(tx *sql.Tx) error {
		v := verifier{db: d, q: tx}
		records, err := v.records(ctx)
		if err != nil {
			return err
		}
		for _, r := range records {
			if len(w.Runs) > 0 && !slices.Contains(w.Runs, r.id) {
				continue
			}
			if err := v.exportRun(ctx, r, nanos(w.From), nanos(w.To), x); err != nil {
				return err
			}
		}
		for _, r := range records {
			if err := x.Head(Head{r.id, r.headSeq, hex.EncodeToString(r.headHash)}); err != nil {
				return err
			}
		}
		return v.rows(ctx, "SELECT id, name, at, head_seq, head_hash FROM deleted ORDER BY num", func(scan scanFunc) error {
			var t tombstone
			if err := scan(&t.id, &t.name, &t.at, &t.headSeq, &t.headHash); err != nil {
				return err
			}
			return x.Deleted(Deleted{t.id, t.name, fromNanos(t.at), t.headSeq, hex.EncodeToString(t.headHash)})
		})
	})
}

// exportRun hands over the events of a run in a window, all between them, and what
// they brought.
func (v *verifier) exportRun(ctx context.Context, r *record, from, to int64, x Exporter) error {
	e := Excerpt{Run: r.id, Name: r.name, Env: r.env, Status: effect.Status(r.status)}
	err := v.q.QueryRowContext(ctx, "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM events WHERE run = ? AND at >= ? AND at < ?",
		r.num, from, to).Scan(&e.First, &e.Last)
	if err != nil || e.First == 0 {
		return err
	}
	var stored row
	var hash []byte
	begun := false
	err = v.rows(ctx, eventsAfter, func(scan scanFunc) error {
		if err := scan(append(stored.fields(), &hash)...); err != nil {
			return err
		}
		if stored.seq < e.First { // the one before it
			e.Before = hex.EncodeToString(hash)
			return nil
		}
		if !begun {
			begun = true
			if err := x.Excerpt(e); err != nil {
				return err
			}
		}
		if stored.seq > e.Last {
			return nil
		}
		return x.Event(&Stored{r.id, stored.seq, stored.at, stored.epoch, stored.kind, stored.place, stored.version, stored.body, hex.EncodeToString(hash)})
	}, r.num, e.First-2)
	if err != nil {
		return err
	}
	return v.rows(ctx, "SELECT seq, name, hash, text FROM sources WHERE run = ? AND seq BETWEEN ? AND ? ORDER BY seq, name", func(scan scanFunc) error {
		s := Brought{Run: r.id}
		if err := scan(&s.Seq, &s.Name, &s.Hash, &s.Text); err != nil {
			return err
		}
		return x.Source(&s)
	}, r.num, e.First, e.Last)
}

// HashAt returns the hash of an event of a run, in hex; "" if there is none.
func (d *DB) HashAt(ctx context.Context, run string, seq int64) (string, error) {
	var hash []byte
	err := d.snapshot(ctx, "read the chain of run "+run+" in", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT hash FROM events WHERE run = (SELECT num FROM runs WHERE id = ?) AND seq = ?", run, seq)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			if err := rows.Scan(&hash); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return hex.EncodeToString(hash), err
}

// Gone returns what is left of the runs that were deleted, by id.
func (d *DB) Gone(ctx context.Context) (map[string]Deleted, error) {
	out := map[string]Deleted{}
	err := d.snapshot(ctx, "read what was deleted from", func(tx *sql.Tx) error {
		v := verifier{db: d, q: tx}
		return v.rows(ctx, "SELECT id, name, at, head_seq, head_hash FROM deleted", func(scan scanFunc) error {
			var t tombstone
			if err := scan(&t.id, &t.name, &t.at, &t.headSeq, &t.headHash); err != nil {
				return err
			}
			out[t.id] = Deleted{t.id, t.name, fromNanos(t.at), t.headSeq, hex.EncodeToString(t.headHash)}
			return nil
		})
	})
	return out, err
}
