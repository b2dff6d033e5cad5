package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// past is what a run's chain says, to hold the other tables against.
type past struct {
	head      link        // the newest row, as it is stored
	first     effect.Body // of run.created
	created   int64
	status    effect.Status
	successor string
	epoch     int64
	sources   map[int64]effect.Body // of source.changed, by seq
	headHash  []byte                // of the event that the run's row calls its head
	locks     []string              // that the run has, by name

	events []effect.Event // if they are kept
	unread error          // why not all of them could be read
}

// checkRun holds everything that belongs to one run against its chain. keep
// returns its events as well.
func (v *verifier) checkRun(ctx context.Context, r *record, keep bool) (*past, error) {
	v.report.Runs++
	v.accepted = nil
	before := len(v.report.Faults)
	p, err := v.checkChain(ctx, r, keep)
	if err != nil {
		return nil, err
	}
	v.checkRecord(r, p)
	if p.locks, err = v.checkLocks(ctx, r); err != nil {
		return nil, err
	}
	if v.key && !r.authentic(v.db.key, p.locks) {
		v.fault(r.id, 0, "%s", recordChanged(p.locks))
	}
	if err := v.checkSources(ctx, r, p); err != nil {
		return nil, err
	}
	for i := range v.report.Faults[before:] {
		f := &v.report.Faults[before+i]
		f.Accepted = slices.ContainsFunc(v.accepted, func(a acceptance) bool { return slices.Contains(a.faults, f.String()) })
	}
	for _, a := range v.accepted {
		v.report.Faults = append(v.report.Faults, Fault{Run: r.id, Seq: a.seq, What: a.String(), Accepted: true})
	}
	return p, nil
}

// What is wrong with a row, in the words that follow and verify share.
const (
	rowChanged = "events: the row was changed: its hash does not follow from its content and the row before"
	otherHead  = "events: the row is not the one that the run's row names as the newest"
)

func recordChanged(locks []string) string {
	return "runs: the row, or the set of its locks (now " + list(locks) + "), was changed"
}

// foreign says that rows stand behind the newest one that the program wrote.
func foreign(first, last int64) string {
	return "events: " + span(first, last) + " behind the newest that the program wrote"
}

// accept takes in a person's word on the rows before. Behind the newest event
// that the run's row names anybody may have written it.
func (v *verifier) accept(r *record, row *row) {
	if effect.Kind(row.kind) != effect.RecordAccepted || row.seq > r.headSeq {
		return
	}
	var b effect.Body
	var faults []string
	if decodeBody(row.body, &b) != nil || json.Unmarshal(b.Value, &faults) != nil {
		return
	}
	v.accepted = append(v.accepted, acceptance{row.seq, fromNanos(row.at), b.By, faults})
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

// checkRecord holds the run's row against the chain. The digest covers the row
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
	err := v.rows(ctx, "SELECT "+lockColumns+" FROM locks WHERE run = ? ORDER BY name", func(scan scanFunc) error {
		var l lockRow
		if err := scan(l.fields()...); err != nil {
			return err
		}
		names = append(names, l.name)
		if v.key && l.digest != l.digestOf(v.db.key) || l.env != r.env {
			v.fault(r.id, 0, "locks: the row of %s in %q was changed (that gives %.19s)", l.name, l.env, l.digestOf(v.db.key))
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
	from := Origins{began: &p.first, changed: p.sources}
	err := v.rows(ctx, "SELECT seq, name, hash, text FROM sources WHERE run = ? ORDER BY seq, name", func(scan scanFunc) error {
		var s Brought
		if err := scan(&s.Seq, &s.Name, &s.Hash, &s.Text); err != nil {
			return err
		}
		if wrong := from.Source(&s); wrong != "" {
			v.fault(r.id, 0, "sources: %s", wrong)
		}
		return nil
	}, r.num)
	if err != nil {
		return err
	}
	for _, wrong := range from.End() {
		v.fault(r.id, 0, "sources: %s", wrong)
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
