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

// DatabasesField adds to the fields of one database those of further ones.
func DatabasesField(one []effect.Field) []effect.Field {
	return append(slices.Clone(one), effect.Field{Name: "databases", Type: effect.Map, Doc: "further databases, by the names that calls use (db): the same keys each",
		Elem: &effect.Field{Type: effect.Object, Fields: one}})
}

// NewChoice reads the databases of a backend's configuration, each by read. The
// unnamed one is there if the field that every database has to have is, or no
// other.
func NewChoice[D any](backend, field string, config map[string]any, read func(map[string]any) (*D, *effect.Error)) (Choice[D], error) {
	c := Choice[D]{Named: map[string]*D{}}
	named, _ := config["databases"].(map[string]any)
	if _, given := config[field]; given || len(named) == 0 {
		db, e := read(config)
		if e != nil {
			return c, effect.Errorf(effect.CodeInvalid, "configure %s: %s", backend, e.Message).WithHint("%s", e.Hint)
		}
		c.Unnamed = db
	}
	for name, v := range named {
		m, _ := v.(map[string]any)
		db, e := read(m)
		if e != nil {
			return c, effect.Errorf(effect.CodeInvalid, "configure %s: databases.%s: %s", backend, name, e.Message).WithHint("%s", e.Hint)
		}
		c.Named[name] = db
	}
	return c, nil
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
