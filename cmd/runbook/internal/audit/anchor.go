package audit

import (
	"fmt"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Chains is what is held against the heads of an earlier file: the journal, or a
// later file.
type Chains interface {
	// Hash returns the hash of an event; "" if the run has none of that number.
	// known is false where nothing can be said.
	Hash(run string, seq int64) (hash string, known bool, err error)
	// Gone returns what is left of a run that was deleted.
	Gone(run string) (journal.Deleted, bool)
}

// Held is what has become of what an earlier file names as the newest events.
type Held struct {
	Faults  []Fault           // what is missing or different
	Deleted []journal.Deleted // runs that the program has deleted, with all of their events
	Unknown int               // runs of which nothing can be said
}

// Anchored holds what an earlier file names as the newest events against what is there.
func (f *File) Anchored(in Chains) (held Held, err error) {
	for _, run := range slices.Sorted(maps.Keys(f.Heads)) {
		h := f.Heads[run]
		hash, known, err := in.Hash(run, h.Seq)
		if err != nil {
			return Held{}, err
		}
		switch gone, deleted := in.Gone(run); {
		case deleted && (gone.HeadSeq < h.Seq || gone.HeadSeq == h.Seq && gone.Head != h.Hash):
			held.Faults = append(held.Faults, Fault{What: fmt.Sprintf("run %s was deleted at event %d, and had %d before", run, gone.HeadSeq, h.Seq)})
		case deleted:
			held.Deleted = append(held.Deleted, gone)
		case !known:
			held.Unknown++
		case hash == "":
			held.Faults = append(held.Faults, Fault{What: fmt.Sprintf("run %s has no event %d any more: its end was cut, or all of it removed", run, h.Seq)})
		case hash != h.Hash:
			held.Faults = append(held.Faults, Fault{What: fmt.Sprintf("run %s was written anew: its event %d is another one", run, h.Seq)})
		}
	}
	return held, nil
}

// Hash implements Chains for a later file.
func (f *File) Hash(run string, seq int64) (string, bool, error) {
	h, there := f.Heads[run]
	switch {
	case !there || h.Seq < seq:
		return "", true, nil
	case h.Seq == seq:
		return h.Hash, true, nil
	}
	hash, ok := f.hashes[run][seq]
	return hash, ok, nil
}

// Holds reports whether an event is in the file itself.
func (f *File) Holds(run string, seq int64) bool {
	_, ok := f.hashes[run][seq]
	return ok
}

// Gone implements Chains for a later file.
func (f *File) Gone(run string) (journal.Deleted, bool) {
	d, ok := f.Deleted[run]
	return d, ok
}
