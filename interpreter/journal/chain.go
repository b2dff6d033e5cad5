package journal

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// link is one place in a run's chain of events. The zero link stands before
// the first event.
type link struct {
	seq  int64
	hash [sha256.Size]byte
}

// row is an event as it is stored.
type row struct {
	seq     int64
	at      int64
	epoch   int64
	kind    string
	place   string
	version int64
	body    string
}

// next returns the link that r makes behind l: SHA-256 over the hash before
// and each column with its length.
func (l link) next(run string, r *row) link {
	var buf []byte
	return l.follow(&buf, run, r)
}

// follow is next with a buffer that is used again.
func (l link) follow(reused *[]byte, run string, r *row) link {
	buf := slices.Grow((*reused)[:0], 256+len(r.body))
	buf = append(buf, l.hash[:]...)
	buf = appendField(buf, []byte(run))
	buf = appendInt(buf, r.seq)
	buf = appendInt(buf, r.at)
	buf = appendInt(buf, r.epoch)
	buf = appendField(buf, []byte(r.kind))
	buf = appendField(buf, []byte(r.place))
	buf = appendInt(buf, r.version)
	buf = appendField(buf, []byte(r.body))
	*reused = buf
	return link{r.seq, sha256.Sum256(buf)}
}

// bodyVersion is the format of bodies that this program writes, and the
// newest that it reads.
const bodyVersion = 1

// toRow puts e, as it will stand at seq in epoch, into stored form. It
// brings e itself to what a reader will see.
func (d *DB) toRow(e *effect.Event, seq, epoch int64) (row, error) {
	if e.At.IsZero() {
		e.At = d.now()
	}
	e.Seq, e.Epoch, e.At = seq, epoch, fromNanos(nanos(e.At))
	if _, ok := d.kinds[string(e.Kind)]; !ok {
		return row{}, fmt.Errorf("encode event: the kind %q is none of effect.Kinds", e.Kind)
	}
	body, err := encodeBody(&e.Body)
	if err != nil {
		return row{}, err
	}
	return row{seq, nanos(e.At), epoch, string(e.Kind), string(e.Place), bodyVersion, body}, nil
}

// toEvent is the way back. The error is an *UnknownKindError or says that the
// row is damaged.
func (d *DB) toEvent(run string, r *row, e *effect.Event) error {
	kind, ok := d.kinds[r.kind]
	if !ok || r.version > bodyVersion {
		return &UnknownKindError{Run: run, Seq: r.seq, Kind: effect.Kind(r.kind), Version: int(r.version)}
	}
	e.Seq, e.At, e.Epoch, e.Kind, e.Place = r.seq, fromNanos(r.at), r.epoch, kind, effect.Place(r.place)
	if err := decodeBody(r.body, &e.Body); err != nil {
		return &Error{Op: "read event " + eventName(run, r.seq) + " of", Path: d.path, Reason: ErrCorrupt, Err: err, Hint: corruptHint}
	}
	return nil
}
