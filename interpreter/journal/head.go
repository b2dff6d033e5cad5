package journal

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
)

// ErrMoved says that a run has newer events than the one that was looked at.
var ErrMoved = errors.New("something has happened in the run since it was looked at")

// Head is the newest event of a run's chain. Who keeps it elsewhere can tell
// later whether the end was cut off.
type Head struct {
	Run  string
	Seq  int64
	Hash string // hex
}

// Head returns the newest event of a run, as the run's row names it. The error
// may be a *NotFoundError.
func (d *DB) Head(ctx context.Context, run string) (Head, error) {
	h := Head{Run: run}
	err := d.snapshot(ctx, "read the head of run "+run+" in", func(tx *sql.Tx) error {
		r, err := loadRecord(ctx, tx, run)
		if err == nil {
			h.Seq, h.Hash = r.headSeq, hex.EncodeToString(r.headHash)
		}
		return err
	})
	return h, err
}
