package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Report is what Verify found.
type Report struct {
	Runs, Events int // how many were checked
	Faults       []Fault
}

// Fault is one thing that is not as it was written.
type Fault struct {
	Run  string // the run's id, or "" when no run can be named
	Seq  int64  // the event, or 0 when it is not about one
	What string // the row and what is wrong with it
	// Accepted reports that a person has said to go on all the same, or that
	// this is that word.
	Accepted bool
}

// String returns "run 0198…, event 7: what".
func (f Fault) String() string {
	switch {
	case f.Run == "" && f.Seq == 0:
		return f.What
	case f.Run == "":
		return fmt.Sprintf("event %d: %s", f.Seq, f.What)
	case f.Seq == 0:
		return "run " + f.Run + ": " + f.What
	}
	return fmt.Sprintf("run %s, event %d: %s", f.Run, f.Seq, f.What)
}

// Verify recomputes the chain of one run, or of all with run "", and holds the
// rows beside it against the chain and their digests. Faults are in the report;
// the error says that the check could not be made. With "" it also looks for
// rows that belong to no run, for runs that vanished, and for damage to the
// file.
func (d *DB) Verify(ctx context.Context, run string) (Report, error) {
	var v verifier
	err := d.snapshot(ctx, "verify", func(tx *sql.Tx) error {
		v = verifier{db: d, q: tx}
		if run != "" {
			r, err := loadRecord(ctx, tx, run)
			if err != nil {
				return err
			}
			v.checkKey(ctx)
			_, err = v.checkRun(ctx, r, false)
			return err
		}
		return v.checkAll(ctx)
	})
	return v.report, err
}

// verifier works on one snapshot.
type verifier struct {
	db       *DB
	q        querier
	key      bool // digests can be checked
	report   Report
	accepted []acceptance // what people said of the run under way
}

func (v *verifier) fault(run string, seq int64, format string, args ...any) {
	v.report.Faults = append(v.report.Faults, Fault{Run: run, Seq: seq, What: fmt.Sprintf(format, args...)})
}

// standing returns the faults that nobody has accepted.
func (v *verifier) standing() (faults []Fault) {
	for _, f := range v.report.Faults {
		if !f.Accepted {
			faults = append(faults, f)
		}
	}
	return faults
}

func (v *verifier) checkAll(ctx context.Context) error {
	if err := v.checkFile(ctx); err != nil {
		return err
	}
	v.checkKey(ctx)
	records, err := v.records(ctx)
	if err != nil {
		return err
	}
	for _, r := range records {
		if _, err := v.checkRun(ctx, r, false); err != nil {
			return err
		}
	}
	if err := v.checkDeleted(ctx); err != nil {
		return err
	}
	if err := v.checkNumbers(ctx); err != nil {
		return err
	}
	return v.checkOrphans(ctx)
}

// checkFile asks SQLite whether the file is sound. A file too damaged to be
// read at all is an error of the queries that follow.
func (v *verifier) checkFile(ctx context.Context) error {
	return v.rows(ctx, "PRAGMA integrity_check(20)", func(scan scanFunc) error {
		var line string
		if err := scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			v.fault("", 0, "the file is damaged: %s", line)
		}
		return nil
	})
}

// checkKey finds out whether digests can be checked at all.
func (v *verifier) checkKey(ctx context.Context) {
	if err := v.db.key.check(); err != nil {
		used, usedErr := v.db.used(ctx, v.q)
		if used || usedErr != nil {
			v.fault("", 0, "digests cannot be checked: %v", err)
		}
		return
	}
	v.key = true
	if stored, err := storedFingerprint(ctx, v.q); err != nil || stored != v.db.key.fingerprint() {
		v.fault("", 0, "key_file: the fingerprint was changed: it is not that of %s", v.db.keyPath())
	}
}

func (v *verifier) records(ctx context.Context) ([]*record, error) {
	var records []*record
	err := v.rows(ctx, "SELECT "+recordColumns+" FROM runs ORDER BY num", func(scan scanFunc) error {
		r := &record{}
		records = append(records, r)
		return scan(r.fields()...)
	})
	return records, err
}

func (v *verifier) checkDeleted(ctx context.Context) error {
	const query = "SELECT num, id, name, at, head_seq, head_hash, seal FROM deleted ORDER BY num"
	return v.rows(ctx, query, func(scan scanFunc) error {
		var t tombstone
		if err := scan(&t.num, &t.id, &t.name, &t.at, &t.headSeq, &t.headHash, &t.digest); err != nil {
			return err
		}
		if v.key && t.digest != t.digestOf(v.db.key) {
			v.fault(t.id, 0, "deleted: the row was changed")
		}
		return nil
	})
}

// checkNumbers finds runs that were removed without being deleted: each number
// up to the highest is a run's or a deleted one's.
func (v *verifier) checkNumbers(ctx context.Context) error {
	const query = `WITH RECURSIVE given (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM given
			WHERE n < (SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0),
				coalesce((SELECT max(num) FROM runs), 0))))
		SELECT n FROM given WHERE EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'runs')
			AND n NOT IN (SELECT num FROM runs) AND n NOT IN (SELECT num FROM deleted) LIMIT 100`
	return v.rows(ctx, query, func(scan scanFunc) error {
		var n int64
		if err := scan(&n); err != nil {
			return err
		}
		v.fault("", 0, "runs: run number %d is gone and was not deleted by the program", n)
		return nil
	})
}

// checkOrphans finds rows whose run is not there.
func (v *verifier) checkOrphans(ctx context.Context) error {
	const query = `SELECT 'events', run, count(*), min(seq) FROM events WHERE run NOT IN (SELECT num FROM runs) GROUP BY run
		UNION ALL SELECT 'sources', run, count(*), min(seq) FROM sources WHERE run NOT IN (SELECT num FROM runs) GROUP BY run
		UNION ALL SELECT 'locks', run, count(*), 0 FROM locks WHERE run NOT IN (SELECT num FROM runs) GROUP BY run`
	return v.rows(ctx, query, func(scan scanFunc) error {
		var table string
		var run, count, seq int64
		if err := scan(&table, &run, &count, &seq); err != nil {
			return err
		}
		v.fault("", 0, "%s: %d rows, the first with seq %d, belong to run number %d, which is not there", table, count, seq, run)
		return nil
	})
}

type scanFunc func(dest ...any) error

// rows calls each for every row of a query.
func (v *verifier) rows(ctx context.Context, query string, each func(scan scanFunc) error, args ...any) error {
	rows, err := v.q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// list joins names for a message.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
