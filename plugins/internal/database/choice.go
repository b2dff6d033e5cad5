package database

import (
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Choice is the databases that a configuration describes, of which a call
// means one.
type Choice[D any] struct {
	Unnamed *D // nil if only named ones are configured
	Named   map[string]*D
}

// All returns the databases in an order that stays the same.
func (c Choice[D]) All() []*D {
	var out []*D
	if c.Unnamed != nil {
		out = append(out, c.Unnamed)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Named)) {
		out = append(out, c.Named[name])
	}
	return out
}

// Pick returns the database that a call of a backend means.
func (c Choice[D]) Pick(backend, name string) (*D, *effect.Error) {
	if name == "" && c.Unnamed != nil {
		return c.Unnamed, nil
	}
	if db, ok := c.Named[name]; ok {
		return db, nil
	}
	known := slices.Sorted(maps.Keys(c.Named))
	if name == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "the call names no database, and the configuration of %s only has named ones", backend).WithHint("say which: db = %q", known[0])
	}
	return nil, Names("database", name, known)
}
