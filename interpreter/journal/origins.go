package journal

import (
	"fmt"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Origins holds sources against the events that brought them: the first of a run,
// which names the digest of all that it began with, and each that replaced one. The
// zero value is ready.
type Origins struct {
	began   *effect.Body // of the run's first event, if it was seen
	changed map[int64]effect.Body

	first []Source
	later map[int64]bool
}

// Event takes in what an event says of sources.
func (o *Origins) Event(s *Stored) error {
	kind := effect.Kind(s.Kind)
	if kind != effect.RunCreated && kind != effect.SourceChanged {
		return nil
	}
	var b effect.Body
	if err := decodeBody(s.Body, &b); err != nil {
		return fmt.Errorf("what it says cannot be read: %w", err)
	}
	if kind == effect.RunCreated {
		o.began = &b
		return nil
	}
	if o.changed == nil {
		o.changed = map[int64]effect.Body{}
	}
	o.changed[s.Seq] = b
	return nil
}

// Source holds one against its text and its event, and returns what is wrong with it,
// or "". All events of the run come first.
func (o *Origins) Source(s *Brought) (wrong string) {
	if got := sourceHash(s.Text); got != s.Hash {
		wrong = fmt.Sprintf("%s, of event %d: the text or its hash was changed: %s is recorded, the text has %s", s.Name, s.Seq, s.Hash, got)
	}
	if s.Seq == 1 {
		o.first = append(o.first, Source{Name: s.Name, Hash: s.Hash})
		return wrong
	}
	if o.later == nil {
		o.later = map[int64]bool{}
	}
	o.later[s.Seq] = true
	if b, ok := o.changed[s.Seq]; wrong == "" && (!ok || b.Name != s.Name || b.Hash != s.Hash) {
		wrong = fmt.Sprintf("%s, of event %d: that event says otherwise", s.Name, s.Seq)
	}
	return wrong
}

// End returns what is wrong with the sources as a whole.
func (o *Origins) End() (faults []string) {
	if o.began != nil && sourcesDigest(o.first) != o.began.Hash {
		faults = append(faults, "the files that the run began with are not those of its first event")
	}
	for _, seq := range slices.Sorted(maps.Keys(o.changed)) {
		if !o.later[seq] {
			faults = append(faults, fmt.Sprintf("%s, of event %d, is missing", o.changed[seq].Name, seq))
		}
	}
	return faults
}
