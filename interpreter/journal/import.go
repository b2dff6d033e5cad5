package journal

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Copy is the whole of a run, as an [Exporter] has taken it: all of its events, from
// the first on, and its sources.
type Copy struct {
	Excerpt Excerpt
	Events  []Stored
	Sources []Brought
}

// Import puts a copy of a run into a journal, with the hashes that it had: it can be
// read there, and verified. Locks and who held it are in no export. The error may be
// an *ExistsError; a copy whose events do not follow from each other is refused.
func (d *DB) Import(ctx context.Context, c Copy) error {
	op := "copy run " + c.Excerpt.Run + " into"
	if len(c.Events) == 0 {
		return fmt.Errorf("%s %s: there are no events", op, d.path)
	}
	return d.update(ctx, op, func(ctx context.Context, conn *sql.Conn) error {
		p := &past{status: effect.StatusRunning, sources: map[int64]effect.Body{}}
		rows, links := make([]row, len(c.Events)), make([]link, len(c.Events))
		for i := range c.Events {
			e := &c.Events[i]
			rows[i] = e.row()
			p.follow(&rows[i])
			links[i] = p.head.next(c.Excerpt.Run, &rows[i])
			if p.head = links[i]; e.Hash != hex.EncodeToString(p.head.hash[:]) || e.Seq != int64(i+1) {
				return fmt.Errorf("event %d does not follow from the one before it", e.Seq)
			}
		}
		if effect.Kind(rows[0].kind) != effect.RunCreated {
			return errors.New("the first event does not begin a run")
		}
		r := &record{id: c.Excerpt.Run, name: p.first.Name, script: p.first.Text, env: c.Excerpt.Env, by: p.first.By, parent: p.first.Run,
			params: string(p.first.Args), created: p.created, status: string(p.status), successor: p.successor, epoch: rows[len(rows)-1].epoch}
		if err := d.insertRun(ctx, conn, r); err != nil {
			return err
		}
		for i := range rows {
			if err := d.insert(ctx, r.num, &rows[i], links[i]); err != nil {
				return err
			}
		}
		for _, s := range c.Sources {
			if err := insertSource(ctx, conn, r.num, s.Seq, Source{Name: s.Name, Hash: s.Hash, Text: s.Text}); err != nil {
				return err
			}
		}
		return d.store(ctx, conn, r, p.head, nil)
	})
}

// row is the event as a row.
func (s *Stored) row() row {
	return row{s.Seq, s.At, s.Epoch, s.Kind, s.Place, s.Version, s.Body}
}
