package journal

import (
	"bytes"
	"context"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// past is what a run's chain says, to hold the other tables against.
type past struct {
	first     effect.Body // of run.created
	created   int64
	status    effect.Status
	successor string
	epoch     int64
	sources   map[int64]effect.Body // of source.changed, by seq
	headHash  []byte                // of the event that the run's row calls its head
}

// checkRun holds everything that belongs to one run against its chain.
func (v *verifier) checkRun(ctx context.Context, r *record) error {
	v.report.Runs++
	p, err := v.checkChain(ctx, r)
	if err != nil {
		return err
	}
	v.checkRecord(r, p)
	locks, err := v.checkLocks(ctx, r)
	if err != nil {
		return err
	}
	if v.key && r.seal != r.sealed(v.db.key, locks) {
		v.fault(r.id, 0, "runs: the row, or the set of its locks (now %s), was changed", list(locks))
	}
	return v.checkSources(ctx, r, p)
}

// checkChain recomputes every hash. A row is at fault when its hash does not
// follow from its content and the hash before it; the row behind a changed
// hash is judged by the hash that should have stood there.
func (v *verifier) checkChain(ctx context.Context, r *record) (*past, error) {
	p := &past{status: effect.StatusRunning, sources: map[int64]effect.Body{}}
	var stored, computed link
	err := v.rows(ctx, eventsAfter, func(scan scanFunc) error {
		var row row
		var hash []byte
		if err := scan(append(row.fields(), &hash)...); err != nil {
			return err
		}
		v.report.Events++
		gap := row.seq != stored.seq+1
		if gap {
			v.fault(r.id, stored.seq+1, "events: %s missing", span(stored.seq+1, row.seq-1))
		}
		want := stored.next(r.id, &row)
		if !gap && !bytes.Equal(hash, want.hash[:]) {
			want = computed.next(r.id, &row)
		}
		switch intact := bytes.Equal(hash, want.hash[:]); {
		case !intact && !gap:
			v.fault(r.id, row.seq, "events: the row was changed: its hash does not follow from its content and the row before")
		case row.epoch < p.epoch || row.epoch > r.epoch:
			v.fault(r.id, row.seq, "events: epoch %d does not fit between %d, of the rows before, and %d, of the run",
				row.epoch, p.epoch, r.epoch)
		case intact:
			p.epoch = row.epoch
		}
		computed = want
		stored.seq = row.seq
		stored.hash = [len(stored.hash)]byte{}
		copy(stored.hash[:], hash)
		if row.seq == r.headSeq {
			p.headHash = hash
		}
		p.follow(&row)
		return nil
	}, r.num, 0)
	if err != nil {
		return nil, err
	}
	switch {
	case stored.seq < r.headSeq:
		v.fault(r.id, stored.seq+1, "events: %s missing at the end", span(stored.seq+1, r.headSeq))
	case r.headSeq < 1:
		v.fault(r.id, 0, "runs: the row names no newest event")
	case !bytes.Equal(p.headHash, r.headHash):
		v.fault(r.id, r.headSeq, "events: the row is not the one that the run's row was sealed with")
	}
	return p, nil
}

// follow takes in what an event says about the run. What cannot be read is
// left to the hash.
func (p *past) follow(r *row) {
	kind := effect.Kind(r.kind)
	var b effect.Body
	switch kind {
	case effect.RunCreated, effect.StatusChanged, effect.SourceChanged, effect.Forked:
		if decodeBody(r.body, &b) != nil {
			return
		}
	}
	switch kind {
	case effect.RunCreated:
		if r.seq == 1 {
			p.first, p.created = b, r.at
		}
	case effect.StatusChanged:
		p.status = b.Status
	case effect.SourceChanged:
		p.sources[r.seq] = b
	case effect.Forked:
		p.successor = b.Run
	}
}

// checkRecord holds the run's row against the chain. The seal covers the row
// too; this says which word is wrong, and needs no key.
func (v *verifier) checkRecord(r *record, p *past) {
	for _, c := range []struct{ column, row, chain string }{
		{"status", r.status, string(p.status)},
		{"name", r.name, p.first.Name},
		{"params", r.params, string(p.first.Args)},
		{"started_by", r.by, p.first.By},
		{"successor", r.successor, p.successor},
		{"created", fromNanos(r.created).String(), fromNanos(p.created).String()},
	} {
		if c.row != c.chain {
			v.fault(r.id, 0, "runs: %s is %q and its events say %q", c.column, c.row, c.chain)
		}
	}
}

// checkLocks returns the names of the run's locks.
func (v *verifier) checkLocks(ctx context.Context, r *record) ([]string, error) {
	var names []string
	err := v.rows(ctx, "SELECT name, run, since, owner, seal FROM locks WHERE run = ? ORDER BY name", func(scan scanFunc) error {
		var l lockRow
		if err := scan(&l.name, &l.run, &l.since, &l.owner, &l.seal); err != nil {
			return err
		}
		names = append(names, l.name)
		if v.key && l.seal != l.sealed(v.db.key) {
			v.fault(r.id, 0, "locks: the row of %s was changed", l.name)
		}
		if effect.Status(r.status).Terminal() {
			v.fault(r.id, 0, "locks: %s is held by a run that has ended", l.name)
		}
		return nil
	}, r.num)
	return names, err
}

// checkSources holds the texts against their hashes, and those against the
// events that brought them.
func (v *verifier) checkSources(ctx context.Context, r *record, p *past) error {
	var first []Source
	later := map[int64]bool{}
	err := v.rows(ctx, "SELECT seq, name, hash, text FROM sources WHERE run = ? ORDER BY seq, name", func(scan scanFunc) error {
		var s Source
		var seq int64
		if err := scan(&seq, &s.Name, &s.Hash, &s.Text); err != nil {
			return err
		}
		if got := sourceHash(s.Text); got != s.Hash {
			v.fault(r.id, 0, "sources: %s, of event %d: the text or its hash was changed: %s is recorded, the text has %s", s.Name, seq, s.Hash, got)
		}
		if seq == 1 {
			first = append(first, s)
			return nil
		}
		later[seq] = true
		if b, ok := p.sources[seq]; !ok || b.Name != s.Name || b.Hash != s.Hash {
			v.fault(r.id, 0, "sources: %s, of event %d: that event says otherwise", s.Name, seq)
		}
		return nil
	}, r.num)
	if err != nil {
		return err
	}
	if sourcesDigest(first) != p.first.Hash {
		v.fault(r.id, 0, "sources: the files that the run began with are not those of its first event")
	}
	for seq, b := range p.sources {
		if !later[seq] {
			v.fault(r.id, 0, "sources: %s, of event %d, is missing", b.Name, seq)
		}
	}
	return nil
}

// span names events first to last.
func span(first, last int64) string {
	if first >= last {
		return fmt.Sprintf("event %d is", first)
	}
	return fmt.Sprintf("events %d to %d are", first, last)
}
