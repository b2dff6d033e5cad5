package stdlib

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// dbModel is a set of databases, by name; "" is the one that calls without a
// db mean.
//
//	db = {
//	  nodes = { a = { primary = true, up = function(world) … end }, b = { lag = "2s" } },
//	  backups = { { name = "full-1", age = "1d" } },
//	  version = 4, newest = 6,                       -- of the schema
//	  statements = { ["SELECT count(*) FROM orders"] = { rows = { { count = 7 } } } },
//	  takes = { restore = "40m" },
//	  databases = { audit = { the same } },
//	}
//
// State: { nodes = { a = { up, writable, lag, timeline } }, primary = "a",
// timeline, backups = { { name, type, ended } }, copies = { name = { backup,
// time, valid } }, live = { valid, copy }, version, vars, assumed = true,
// databases = { name = the same } }. primary is the node that was promoted
// last; several nodes are writable after a promotion beside a live primary.
type dbModel struct {
	dbs map[string]*database
}

func newDBModel() *dbModel { return &dbModel{map[string]*database{}} }

// databaseFields are what a scenario may say of a database.
func databaseFields() []effect.Field {
	return []effect.Field{
		{Name: "nodes", Type: effect.Map, Doc: "its nodes, by name", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			field("primary", effect.Bool, "whether it takes writes"),
			field("up", effect.Bool, "whether it runs, or a function that returns it"),
			field("lag", effect.Duration, "how far it is behind, or a function that returns it")}}},
		objects("backups", "oldest first", need("name", "what restore calls it"), choice("type", "what it holds", true, "full", "diff", "incr"),
			field("age", effect.Duration, "how long before the start it was complete"),
			effect.Field{Name: "size", Type: effect.Size, Default: "1GiB", Doc: "of the data in it"},
			effect.Field{Name: "valid", Type: effect.Bool, Default: true, Doc: "whether what is restored from it is whole"}),
		field("log", effect.Bool, "whether moments between backups can be restored; true if left out"),
		{Name: "copies", Type: effect.Map, Doc: "restored copies that are there", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "valid", Type: effect.Bool, Default: true, Doc: "whether it is whole"}}}},
		field("valid", effect.Bool, "whether the live data is whole"),
		{Name: "version", Type: effect.Int, Min: effect.Bound(0), Doc: "the schema's version"},
		{Name: "newest", Type: effect.Int, Min: effect.Bound(0), Doc: "the version that the newest migration leads to"},
		{Name: "statements", Type: effect.Map, Doc: "what statements do, by how they begin", Elem: &effect.Field{Type: effect.Object, Fields: replyFields(
			field("rows", effect.Any, "what a query returns, or how many rows a change concerns; may be a function"),
			text("error", "why it fails, if it does"))}},
		{Name: "vars", Type: effect.Map, Elem: &effect.Field{Type: effect.Any}, Doc: "values that statements set"},
		{Name: "takes", Type: effect.Map, Elem: &effect.Field{Type: effect.Duration}, Doc: "how long ops take: { restore = \"40m\" }"},
	}
}

// Load implements effect.Model.
func (d *dbModel) Load(state map[string]any) error {
	var patterns []string
	for _, prefix := range []string{"", "databases.*."} {
		for _, p := range []string{"nodes.*.up", "nodes.*.lag", "statements.*.rows", "statements.*.apply", "statements.*.sets.*"} {
			patterns = append(patterns, prefix+p)
		}
	}
	s, err := loadState(append(databaseFields(), effect.Field{Name: "databases", Type: effect.Map, Doc: "databases that calls name",
		Elem: &effect.Field{Type: effect.Object, Fields: databaseFields()}}), nil, state, patterns...)
	if err != nil {
		return err
	}
	named := table(s, "databases")
	for _, name := range append([]string{""}, sortedNames(named)...) {
		statements := table(s, "statements")
		if name != "" {
			statements = table(table(named, name), "statements")
		}
		for _, said := range sortedNames(statements) {
			if err := checkApply(table(statements, said), "statements."+said); err != nil {
				return err
			}
		}
	}
	if len(s) > 1 || len(s) == 1 && s["databases"] == nil {
		d.dbs[""] = d.db("").load(s)
	}
	for _, name := range sortedNames(named) {
		d.dbs[name] = d.db(name).load(table(named, name))
	}
	return nil
}

// db returns a copy of the database of that name; one that nobody declared
// has a primary and a backup of the day before.
func (d *dbModel) db(name string) *database {
	if b := d.dbs[name]; b != nil {
		return b.clone()
	}
	return newDatabase()
}

// Do implements effect.Model.
func (d *dbModel) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	name := str(args, "db")
	if name != "" && d.dbs[name] == nil && slices.ContainsFunc(sortedNames(d.dbs), func(n string) bool { return n != "" && !d.dbs[n].assumed }) {
		return nil, notFound("database", name, sortedNames(d.dbs))
	}
	b := d.db(name)
	if err := b.look(m); err != nil {
		return nil, err
	}
	do := map[string]func(effect.Moment, map[string]any) (map[string]any, *effect.Error){
		"backups": b.list, "query": b.query, "lag": b.lag, "is_primary": b.isPrimary, "validate": b.validate,
		"backup": b.backup, "restore": b.restore, "exec": b.exec, "migrate": b.migrate, "promote": b.promote, "swap": b.swap,
	}[op]
	if do == nil {
		return nil, noOp("db", op)
	}
	value, err := do(m, args)
	if err != nil {
		return nil, err
	}
	d.dbs[name] = b
	return value, nil
}

// State implements effect.Model.
func (d *dbModel) State(m effect.Moment) map[string]any {
	out, named := map[string]any{}, map[string]any{}
	for name, b := range d.dbs {
		b = b.clone()
		_ = b.look(m) // of whom it cannot be told counts as up
		if name == "" {
			maps.Copy(out, b.state(m))
		} else {
			named[name] = b.state(m)
		}
	}
	if len(named) > 0 {
		out["databases"] = named
	}
	return out
}

// Clone implements effect.Model.
func (d *dbModel) Clone() effect.Model {
	c := newDBModel()
	for name, b := range d.dbs {
		c.dbs[name] = b.clone()
	}
	return c
}

// Takes implements effect.Timed.
func (d *dbModel) Takes(op string, args map[string]any) time.Duration {
	if s, ok := d.db(str(args, "db")).takes[op].(float64); ok {
		return effect.Seconds(s)
	}
	switch op {
	case "backup", "restore":
		return 5 * time.Minute
	case "validate", "migrate":
		return 30 * time.Second
	case "promote", "swap":
		return 5 * time.Second
	case "exec":
		return 200 * time.Millisecond
	}
	return 20 * time.Millisecond
}

// Needs implements effect.Learner.
func (d *dbModel) Needs(_ effect.Moment, op string, args map[string]any) []effect.Reading {
	if b := d.dbs[str(args, "db")]; b != nil && !b.assumed {
		return nil
	}
	which := pick(args, "db")
	switch op {
	case "backups", "restore", "backup":
		return []effect.Reading{{Op: "backups", Args: which}}
	case "promote", "lag", "is_primary":
		readings := []effect.Reading{{Op: "lag", Args: which}, {Op: "is_primary", Args: which}}
		if node := str(args, "node"); node != "" {
			readings = append(readings, effect.Reading{Op: "is_primary", Args: pick(args, "db", "node")})
		}
		return readings
	}
	return nil
}

// Learn implements effect.Learner.
func (d *dbModel) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	b := d.db(str(r.Args, "db"))
	b.forget()
	switch r.Op {
	case "backups":
		list, _ := got["backups"].([]any)
		b.backups = nil
		for _, v := range list {
			e, _ := v.(map[string]any)
			ended, err := ParseTime(e["ended"])
			if err != nil {
				return fmt.Errorf("backup %q: ended: %w", str(e, "name"), err)
			}
			b.backups = append(b.backups, dbBackup{name: str(e, "name"), kind: str(e, "type"), ended: ended, size: num(e, "size"), valid: true})
		}
		if t := num(got, "timeline"); t > 0 {
			b.timeline = t
		}
	case "lag":
		for name, lag := range table(got, "replicas") {
			b.nodes[name] = &dbNode{up: true, lag: lag, timeline: b.timeline}
		}
	case "is_primary":
		if name := str(got, "node"); name != "" {
			primary, _ := got["primary"].(bool)
			n := &dbNode{up: true, writable: primary, lag: 0.0, timeline: b.timeline}
			if old := b.nodes[name]; old != nil {
				n.lag = old.lag
			}
			if b.nodes[name] = n; primary {
				b.primary = name
			}
		}
	}
	d.dbs[str(r.Args, "db")] = b
	return nil
}

// Assumes reports whether what the op tells rests on a database that nobody
// declared.
func (d *dbModel) Assumes(op string, args map[string]any) bool {
	b := d.db(str(args, "db"))
	if op == "exec" || op == "query" {
		return b.script.find(str(args, "sql")) == nil
	}
	return b.assumed
}
