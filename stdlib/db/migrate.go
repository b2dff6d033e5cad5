package db

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// mostSteps bounds how many migrations are taken to lie between two versions where
// nobody named them: numbers that are dates lie far apart.
const mostSteps = 1000

// learnMigrations takes what db.migrations of the real database tells.
func (b *database) learnMigrations(got map[string]any) {
	b.migrated, b.version = true, plain.Num(got, "version")
	pending, told := got["pending"].([]any)
	if !told { // only the team's command knows: one waits
		b.newest = -1
		return
	}
	b.newest, b.steps = b.version, []step{}
	applied, _ := got["applied"].([]any)
	for _, v := range applied {
		n, _ := v.(float64)
		b.steps = append(b.steps, step{n, ""})
	}
	for _, v := range pending {
		one, _ := v.(map[string]any)
		b.steps = append(b.steps, step{plain.Num(one, "version"), plain.Str(one, "name")})
		b.newest = max(b.newest, plain.Num(one, "version"))
	}
}

// step is a migration that the real database has, or waits for.
type step struct {
	version float64
	name    string // "" if it is applied
}

// between returns the versions that lie behind one and up to another, oldest first.
func (b *database) between(from, to float64) []float64 {
	var list []float64
	switch {
	case b.steps != nil:
		for _, s := range b.steps {
			if s.version > from && s.version <= to {
				list = append(list, s.version)
			}
		}
		slices.Sort(list)
	case to-from > mostSteps:
		list = append(list, to)
	default:
		for v := from + 1; v <= to; v++ {
			list = append(list, v)
		}
	}
	return list
}

// last returns the version that the newest migration leads to; where nobody said,
// one waits.
func (b *database) last() float64 {
	if b.newest < 0 {
		return b.version + 1
	}
	return b.newest
}

func (b *database) migrations(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if _, _, err := b.node(nil); err != nil {
		return nil, err
	}
	names := map[float64]string{}
	for _, s := range b.steps {
		names[s.version] = s.name
	}
	applied, pending := []any{}, []any{}
	for _, v := range b.between(0, b.version) {
		applied = append(applied, v)
	}
	for _, v := range b.between(b.version, b.last()) {
		one := map[string]any{"version": v}
		if names[v] != "" {
			one["name"] = names[v]
		}
		pending = append(pending, one)
	}
	return map[string]any{"version": b.version, "applied": applied, "pending": pending}, nil
}

func (b *database) migrate(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if err := b.writer(); err != nil {
		return nil, err
	}
	newest := b.last()
	to, given := args["to"].(float64)
	if !given {
		to = newest
	}
	if b.newest >= 0 && to > newest {
		return nil, effect.Errorf(effect.CodeNotFound, "there is no migration to version %.0f; the newest is %.0f", to, newest)
	}
	done := b.changing(m.Now)
	from, applied := b.version, []any{}
	for _, v := range b.between(from, to) {
		applied = append(applied, fmt.Sprintf("%.0f", v))
	}
	for _, v := range slices.Backward(b.between(to, from)) {
		applied = append(applied, fmt.Sprintf("%.0f down", v))
	}
	if b.version = to; b.newest < 0 {
		b.newest = max(to, from)
	}
	done()
	return map[string]any{"from": from, "to": to, "applied": applied}, nil
}
