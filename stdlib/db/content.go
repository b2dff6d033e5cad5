package db

import (
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// content is what statements and migrations change. It goes into backups, and
// comes back with a copy that is swapped in.
type content struct {
	version float64
	vars    map[string]any
}

// change is a moment from which on the live data had a content.
type change struct {
	at time.Time
	content
}

func (b *database) content() content { return content{b.version, maps.Clone(b.script.Vars)} }

func (b *database) setContent(c content) {
	b.version, b.script.Vars = c.version, maps.Clone(c.vars)
}

// fork is where a timeline left another one.
type fork struct {
	from float64
	at   time.Time
}

// fits reports whether the log of the live data goes on where a backup ends:
// that of data which was swapped away, or left behind by a promotion, does not.
func (b *database) fits(m effect.Moment, k *backup) bool {
	if !b.log || k.timeline == 0 {
		return true
	}
	for at := b.timeline; at != k.timeline; {
		f, known := b.forks[at]
		if !known {
			return false
		}
		if f.from == k.timeline {
			return k.at(m).Sub(f.at) <= slack
		}
		at = f.from
	}
	return true
}

// changing is called before the live data gets another content, and what it
// returns afterwards.
func (b *database) changing(now time.Time) (done func()) {
	if len(b.was) == 0 {
		b.was = []change{{content: b.content()}} // from the start
	}
	return func() { b.was = append(slices.Clip(b.was), change{now, b.content()}) }
}

// contentAt returns what the live data was at a moment.
func (b *database) contentAt(at time.Time) content {
	for _, c := range slices.Backward(b.was) {
		if !c.at.After(at) {
			return c.content
		}
	}
	return b.content()
}

// contentOf returns what a backup holds; one that a scenario declares is of
// the start.
func (b *database) contentOf(k *backup) content {
	switch {
	case k.content != nil:
		return *k.content
	case len(b.was) > 0:
		return b.was[0].content
	}
	return b.content()
}
