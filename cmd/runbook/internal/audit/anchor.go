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

// Anchored tells what is missing or different of what an earlier file names as
// the newest events, and how many of them could not be looked at.
func (f *File) Anchored(in Chains) (faults []Fault, unknown int, err error) {
	for _, run := range slices.Sorted(maps.Keys(f.Heads)) {
		h := f.Heads[run]
		hash, known, err := in.Hash(run, h.Seq)
		if err != nil {
			return nil, 0, err
		}
		switch gone, deleted := in.Gone(run); {
		case deleted && (gone.HeadSeq < h.Seq || gone.HeadSeq == h.Seq && gone.Head != h.Hash):
			faults = append(faults, Fault{What: fmt.Sprintf("run %s was deleted at event %d, and had %d before", run, gone.HeadSeq, h.Seq)})
		case deleted:
		case !known:
			unknown++
		case hash == "":
			faults = append(faults, Fault{What: fmt.Sprintf("run %s has no event %d any more: its end was cut, or all of it removed", run, h.Seq)})
		case hash != h.Hash:
			faults = append(faults, Fault{What: fmt.Sprintf("run %s was written anew: its event %d is another one", run, h.Seq)})
		}
	}
	return faults, unknown, nil
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
