package journal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Create records a new run, with status running, held by owner. The error may
// be an *ExistsError, a *LockedError when another run has one of its locks, a
// *NotFoundError for the parent or a *TamperedError; no run is left then.
func (d *DB) Create(ctx context.Context, n NewRun, owner Owner) (*Writer, error) {
	if err := n.complete(); err != nil {
		return nil, fmt.Errorf("create run %s: %w", n.ID, err)
	}
	r := &record{id: n.ID, name: n.Name, script: n.Script, env: n.Env, by: n.By, parent: n.Parent,
		params: string(n.Params), status: string(effect.StatusRunning)}
	w := &Writer{db: d, run: n.ID}
	var began time.Time
	err := d.update(ctx, "create run "+n.ID+" in", func(ctx context.Context, c *sql.Conn) error {
		now := d.now()
		began = now
		if n.Created.At.IsZero() {
			n.Created.At = now
		}
		r.created = nanos(n.Created.At)
		if err := r.take(owner, now); err != nil {
			return err
		}
		if err := d.insertRun(ctx, c, r); err != nil {
			return err
		}
		events := append([]effect.Event{n.Created}, pastOf(n.History)...)
		head, err := d.extend(ctx, r, link{}, events)
		if err != nil {
			return err
		}
		for _, s := range n.Sources {
			if err := insertSource(ctx, c, r.num, 1, s); err != nil {
				return err
			}
		}
		if n.Forked.Kind != "" {
			if err := d.fork(ctx, c, n); err != nil {
				return err
			}
		}
		locks, err := d.lock(ctx, c, r, nil, n.Locks, now)
		if err != nil {
			return err
		}
		w.state = state{r, locks, head}
		return d.store(ctx, c, r, head, locks)
	})
	if err != nil {
		return nil, err
	}
	w.lease.extend(began)
	return w, nil
}

// complete fills in what n leaves open.
func (n *NewRun) complete() error {
	if n.ID == "" || newest(n.ID) {
		return fmt.Errorf("%q cannot be an id", n.ID)
	}
	if n.Created.Kind != effect.RunCreated {
		return fmt.Errorf("the first event is %q, not %q", n.Created.Kind, effect.RunCreated)
	}
	if len(n.Params) == 0 {
		n.Params = []byte("{}")
	}
	if n.Script == "" && len(n.Sources) > 0 {
		n.Script = n.Sources[0].Name
	}
	sources := make([]Source, len(n.Sources))
	for i, s := range n.Sources {
		if err := s.complete(); err != nil {
			return err
		}
		sources[i] = s
	}
	n.Sources = sources
	b := &n.Created.Body
	b.Name, b.By, b.Args, b.Hash = n.Name, n.By, n.Params, sourcesDigest(sources)
	return nil
}

// complete fills the hash in, or checks it.
func (s *Source) complete() error {
	hash := sourceHash(s.Text)
	if s.Hash != "" && s.Hash != hash {
		return fmt.Errorf("source %s: its text has the hash %s, not %s", s.Name, hash, s.Hash)
	}
	s.Hash = hash
	if s.Text == nil {
		s.Text = []byte{} // a nil would be stored as NULL
	}
	return nil
}

func sourceHash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// sourcesDigest stands for names and hashes of a run's first sources.
func sourcesDigest(sources []Source) string {
	sorted := append([]Source{}, sources...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Name < sorted[j].Name })
	var buf []byte
	for _, s := range sorted {
		buf = appendField(appendField(buf, []byte(s.Name)), []byte(s.Hash))
	}
	return sourceHash(buf)
}

func (d *DB) insertRun(ctx context.Context, c *sql.Conn, r *record) error {
	var deleted bool
	if err := c.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM deleted WHERE id = ?)", r.id).Scan(&deleted); err != nil {
		return err
	}
	if deleted {
		return &ExistsError{Run: r.id, Deleted: true}
	}
	var alike string
	err := c.QueryRowContext(ctx, "SELECT id FROM runs WHERE id BETWEEN ?1 AND ?1 || '~' AND id <> ?2", Short(r.id), r.id).Scan(&alike)
	switch {
	case err == nil && len(r.id) > shortLen:
		return &ExistsError{Run: r.id, Alike: alike}
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	}
	result, err := c.ExecContext(ctx, `INSERT INTO runs (epoch, lease_until, lease_since, status, head_seq, head_hash, seal,
		id, name, script, created, env, started_by, parent, successor, holder, params)
		VALUES (?, ?, ?, ?, 0, x'', '', ?, ?, ?, ?, ?, ?, ?, '', ?, ?)`, r.epoch, r.leaseUntil, r.leaseSince, r.status,
		r.id, r.name, r.script, r.created, r.env, r.by, r.parent, r.holder, r.params)
	if conflict(err) {
		return &ExistsError{Run: r.id}
	}
	if err != nil {
		return err
	}
	r.num, err = result.LastInsertId()
	return err
}

// extend appends events to a run's chain behind head. Called inside a
// transaction that holds the run.
func (d *DB) extend(ctx context.Context, r *record, head link, events []effect.Event) (link, error) {
	for i := range events {
		row, err := d.toRow(&events[i], head.seq+1, r.epoch)
		if err != nil {
			return head, fmt.Errorf("run %s: %w", r.id, err)
		}
		head = head.next(r.id, &row)
		if err := d.insert(ctx, r.num, &row, head); err != nil {
			return head, err
		}
	}
	return head, nil
}

// fork tells the parent of its successor.
func (d *DB) fork(ctx context.Context, c *sql.Conn, n NewRun) error {
	parent, _, err := d.intact(ctx, c, n.Parent)
	if err != nil {
		return err
	}
	n.Forked.Body.Run = n.ID
	head, err := d.extend(ctx, parent.record, parent.head, []effect.Event{n.Forked})
	if err != nil {
		return err
	}
	parent.record.follow(&n.Forked)
	return d.store(ctx, c, parent.record, head, parent.locks)
}

// follow keeps what the row says in step with an event that was appended
// without changing the status.
func (r *record) follow(e *effect.Event) {
	if e.Kind == effect.Forked {
		r.successor = e.Body.Run
	}
}

func insertSource(ctx context.Context, c *sql.Conn, num, seq int64, s Source) error {
	_, err := c.ExecContext(ctx, "INSERT INTO sources (run, seq, name, hash, text) VALUES (?, ?, ?, ?, ?)",
		num, seq, s.Name, s.Hash, s.Text)
	return err
}

// pastOf leaves out of another run's events those that say how that run fared
// and not what it did.
func pastOf(history []effect.Event) []effect.Event {
	var past []effect.Event
	for _, e := range history {
		switch e.Kind {
		case effect.RunCreated, effect.StatusChanged, effect.SourceChanged, effect.Forked:
		default:
			past = append(past, e)
		}
	}
	return past
}
