package replay

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// Passage is what a composite of the main chunk did, for whoever knows it without
// asking the Recorder for its effects one by one: a rehearsal.
type Passage struct {
	Inside effect.Place
	// Effects are the places of its effects, values included, in their order, of
	// which Outcomes are no values.
	Effects  []effect.Place
	Outcomes int
}

// Claim claims what is recorded of a passage, if that is whole and comes next. It
// returns false, and claims nothing, otherwise. No other branch may be under way.
func (r *Recorder) Claim(p Passage) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := r.cursor + p.Outcomes
	if r.stop != nil || r.rolling || end > r.hist.Main || end < r.hist.Main && r.hist.Order[end].Place.Within(p.Inside) {
		return false
	}
	for _, rec := range r.hist.Order[r.cursor:end] {
		if !rec.Place.Within(p.Inside) {
			return false
		}
	}
	for _, place := range p.Effects {
		if rec := r.hist.At(place); rec == nil || rec.State != history.Closed || rec.Late || r.claimed[rec.N] {
			return false
		}
	}
	for _, place := range p.Effects {
		r.claimed[r.hist.At(place).N] = true
	}
	r.cursor = end
	r.ahead.skip(p.Outcomes)
	r.signal()
	return true
}

// Unmade reports whether all that is recorded was claimed and a passage would be
// carried out anew, with nothing that keeps it from that.
func (r *Recorder) Unmade(p Passage) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil || r.rolling || r.opts.Journal == nil || r.cursor < r.bound() || len(r.unsettled) > 0 || r.hist.Rolling() || r.ending() {
		return false
	}
	for _, place := range p.Effects {
		if r.hist.At(place) != nil {
			return false
		}
	}
	return true
}

// Adopt records a passage that was carried out below the Recorder: events as Do
// would have recorded them, one for each effect and mark. Those behind the last
// outcome wait for the next commit.
func (r *Recorder) Adopt(ctx context.Context, p Passage, events []effect.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return r.stop
	}
	kept := events[:0]
	settled := 0 // events up to the last outcome
	for _, ev := range events {
		if ev.Kind != effect.EffectDone {
			if r.hist.Marks[ev.Place] {
				continue
			}
			r.hist.Marks[ev.Place] = true
		}
		kept = append(kept, ev)
		if ev.Kind == effect.EffectDone && ev.Body.Class != effect.Value {
			settled = len(kept)
		}
	}
	if err := r.append(context.WithoutCancel(ctx), kept[:settled]...); err != nil {
		return err
	}
	for _, ev := range kept[settled:] {
		r.pending.owed = r.pending.owed || ev.Kind == effect.EffectDone
		if err := r.buffer(ev); err != nil {
			return err
		}
	}
	r.live += p.Outcomes
	return nil
}
