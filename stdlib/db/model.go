package db

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model is a set of databases, by name; "" is the one that calls without a
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
type Model struct {
	dbs map[string]*database
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model { return &Model{map[string]*database{}} }

// databaseFields are what a scenario may say of a database.
func databaseFields() []effect.Field {
	return []effect.Field{
		{Name: "nodes", Type: effect.Map, Doc: "its nodes, by name", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			field.Of("primary", effect.Bool, "whether it takes writes"),
			field.Of("up", effect.Bool, "whether it runs, or a function that returns it"),
			field.Of("lag", effect.Duration, "how far it is behind, or a function that returns it"),
			field.Of("behind", effect.Size, "how many bytes of log it is behind, or a function that returns it; db.promote returns them as lost")}}},
		field.Objects("backups", "oldest first", field.Need("name", "what restore calls it"), field.Choice("type", "what it holds", true, "full", "diff", "incr"),
			field.Of("age", effect.Duration, "how long before the start it was complete"),
			effect.Field{Name: "size", Type: effect.Size, Default: "1GiB", Doc: "of the data in it"},
			effect.Field{Name: "valid", Type: effect.Bool, Default: true, Doc: "whether what is restored from it is whole"},
			field.Of("damaged", effect.Bool, "whether it is known to be damaged, so that restore passes over it")),
		field.Of("log", effect.Bool, "whether moments between backups can be restored; true if left out"),
		field.Of("log_age", effect.Duration, "how long before the start the log ends; it goes on if left out"),
		{Name: "copies", Type: effect.Map, Doc: "restored copies that are there", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "valid", Type: effect.Bool, Default: true, Doc: "whether it is whole"}}}},
		field.Of("valid", effect.Bool, "whether the live data is whole"),
		field.Of("verifiable", effect.Bool, "whether live data can be verified; true if left out"),
		{Name: "version", Type: effect.Int, Min: effect.Bound(0), Doc: "the schema's version"},
		{Name: "newest", Type: effect.Int, Min: effect.Bound(0), Doc: "the version that the newest migration leads to"},
		{Name: "statements", Type: effect.Map, Doc: "what statements do, by how they begin, in whole words; the longest entry counts", Elem: &effect.Field{Type: effect.Object, Fields: model.ReplyFields(
			field.Of("rows", effect.Any, "what a query returns, or how many rows a change concerns; may be a function"),
			field.Text("error", "why it fails, if it does"))}},
		{Name: "vars", Type: effect.Map, Elem: &effect.Field{Type: effect.Any}, Doc: "values that statements set"},
		{Name: "takes", Type: effect.Map, Elem: &effect.Field{Type: effect.Duration}, Doc: "how long ops take: { restore = \"40m\" }"},
	}
}

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	s := effect.ScenarioFields{Fields: append(databaseFields(), effect.Field{Name: "databases", Type: effect.Map, Doc: "databases that calls name",
		Elem: &effect.Field{Type: effect.Object, Fields: databaseFields()}})}
	for _, prefix := range []string{"", "databases.*."} {
		for _, p := range []string{"nodes.*.up", "nodes.*.lag", "nodes.*.behind", "statements.*.rows", "statements.*.apply", "statements.*.sets.*"} {
			s.Functions = append(s.Functions, prefix+p)
		}
	}
	return s
}

// Load implements effect.Model.
func (d *Model) Load(state map[string]any) error {
	s, err := scenario().Check(state)
	if err != nil {
		return err
	}
	named := plain.Table(s, "databases")
	for _, name := range append([]string{""}, plain.SortedNames(named)...) {
		statements := plain.Table(s, "statements")
		if name != "" {
			statements = plain.Table(plain.Table(named, name), "statements")
		}
		for _, said := range plain.SortedNames(statements) {
			if err := model.CheckApply(plain.Table(statements, said), "statements."+said); err != nil {
				return err
			}
		}
	}
	if len(s) > 1 || len(s) == 1 && s["databases"] == nil {
		d.dbs[""] = d.db("").load(s)
	}
	for _, name := range plain.SortedNames(named) {
		d.dbs[name] = d.db(name).load(plain.Table(named, name))
	}
	return nil
}

// db returns a copy of the database of that name; one that nobody declared
// has a primary and a backup of the day before.
func (d *Model) db(name string) *database {
	if b := d.dbs[name]; b != nil {
		return b.clone()
	}
	return newDatabase()
}

// Do implements effect.Model.
func (d *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	name := plain.Str(args, "db")
	if name != "" && d.dbs[name] == nil && slices.ContainsFunc(plain.SortedNames(d.dbs), func(n string) bool { return n != "" && !d.dbs[n].assumed }) {
		return nil, model.NotFound("database", name, plain.SortedNames(d.dbs))
	}
	b := d.db(name)
	if err := b.look(m); err != nil {
		return nil, err
	}
	do := map[string]func(effect.Moment, map[string]any) (map[string]any, *effect.Error){
		"backups": b.list, "query": b.query, "lag": b.lag, "is_primary": b.isPrimary, "validate": b.validate,
		"backup": b.backup, "restore": b.restore, "exec": b.exec, "migrations": b.migrations, "migrate": b.migrate, "promote": b.promote, "swap": b.swap,
	}[op]
	if do == nil {
		return nil, model.NoOp("db", op)
	}
	value, err := do(m, args)
	if err != nil {
		return nil, err
	}
	d.dbs[name] = b
	return value, nil
}

// State implements effect.Model.
func (d *Model) State(m effect.Moment) map[string]any {
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
func (d *Model) Clone() effect.Model {
	c := NewModel()
	for name, b := range d.dbs {
		c.dbs[name] = b.clone()
	}
	return c
}

// Takes implements effect.Timed.
func (d *Model) Takes(op string, args map[string]any) time.Duration {
	if s, ok := d.db(plain.Str(args, "db")).takes[op].(float64); ok {
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
func (d *Model) Needs(_ effect.Moment, op string, args map[string]any) []effect.Reading {
	b := d.db(plain.Str(args, "db"))
	if b.declared {
		return nil
	}
	which := plain.Pick(args, "db")
	switch op {
	case "backups", "restore", "backup":
		if b.listed {
			return nil
		}
		return []effect.Reading{{Op: "backups", Args: which}}
	case "migrate", "migrations":
		if b.migrated {
			return nil
		}
		return []effect.Reading{{Op: "migrations", Args: plain.Pick(args, "db", "dir")}}
	case "promote", "lag", "is_primary":
		if !b.assumed {
			return nil
		}
		readings := []effect.Reading{{Op: "lag", Args: which}, {Op: "is_primary", Args: which}}
		if node := plain.Str(args, "node"); node != "" {
			readings = append(readings, effect.Reading{Op: "is_primary", Args: plain.Pick(args, "db", "node")})
		}
		return readings
	}
	return nil
}

// Learn implements effect.Learner.
func (d *Model) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	b := d.db(plain.Str(r.Args, "db"))
	if r.Op != "backups" && r.Op != "migrations" { // which tell nothing of nodes: a file has none
		b.forget()
	}
	switch r.Op {
	case "backups":
		list, _ := got["backups"].([]any)
		b.backups, b.listed = nil, true
		for _, v := range list {
			e, _ := v.(map[string]any)
			ended, err := ParseTime(e["ended"])
			if err != nil {
				return fmt.Errorf("backup %q: ended: %w", plain.Str(e, "name"), err)
			}
			b.backups = append(b.backups, backup{name: plain.Str(e, "name"), kind: plain.Str(e, "type"), ended: ended, size: plain.Num(e, "size"),
				valid: e["damaged"] != true, damaged: e["damaged"] == true})
		}
		if n := len(b.backups); n > 0 { // with a log, moments after the last backup can be restored
			latest, err := ParseTime(got["latest"])
			b.log = err == nil && latest.Sub(b.backups[n-1].ended) > slack
		}
		if t := plain.Num(got, "timeline"); t > 0 {
			b.timeline = t
		}
	case "migrations":
		b.learnMigrations(got)
	case "lag":
		for name, lag := range plain.Table(got, "replicas") {
			b.nodes[name] = &node{up: true, lag: lag, behind: plain.Table(got, "bytes")[name], timeline: b.timeline,
				quiet: plain.Str(got, "measured") == "replicas"}
		}
	case "is_primary":
		if name := plain.Str(got, "node"); name != "" {
			primary, _ := got["primary"].(bool)
			n := &node{up: true, writable: primary, lag: 0.0, timeline: b.timeline}
			if old := b.nodes[name]; old != nil {
				n.lag, n.behind, n.quiet = old.lag, old.behind, old.quiet
			}
			if b.nodes[name] = n; primary {
				b.primary = name
			}
		}
	}
	d.dbs[plain.Str(r.Args, "db")] = b
	return nil
}

// Doubts implements effect.Doubter.
func (d *Model) Doubts() []string {
	var list []string
	for _, name := range plain.SortedNames(d.dbs) {
		if doubt := d.dbs[name].doubt; doubt != "" {
			list = append(list, doubt)
		}
	}
	return list
}

// Assumes implements effect.Assumer: what the op tells may rest on a database that
// nobody declared.
func (d *Model) Assumes(op string, args map[string]any) string {
	b := d.db(plain.Str(args, "db"))
	switch op {
	case "exec", "query":
		return model.Assuming(b.script.Find(plain.Str(args, "sql")) == nil, "the result of "+plain.Str(args, "sql"))
	case "migrations", "migrate":
		return model.Assuming(b.assumed && !b.migrated, model.Whole("db", plain.Str(args, "db")))
	case "backups", "backup", "restore":
		return model.Assuming(b.assumed && !b.listed, model.Whole("db", plain.Str(args, "db")))
	}
	return model.Assuming(b.assumed, model.Whole("db", plain.Str(args, "db")))
}
