package stdlib

import (
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// database is one database in the simulated world: nodes, backups, the live
// data and copies beside it.
type database struct {
	nodes    map[string]*dbNode
	primary  string // the node that was promoted last
	timeline float64
	backups  []dbBackup // oldest first; never changed in place
	log      bool
	live     dbData
	copies   map[string]dbData
	version  float64
	newest   float64 // below zero: one more than version
	script   scripted
	takes    map[string]any
	assumed  bool // nobody declared it
}

// dbNode is one server of a database.
type dbNode struct {
	up       any // a bool or a Func
	writable bool
	lag      any // seconds or a Func
	timeline float64

	seenUp  bool // once look has been called
	seenLag float64
}

// dbBackup is a complete backup.
type dbBackup struct {
	name, kind string
	ended      time.Time     // zero: age before the start
	age        time.Duration // before the start
	size       float64
	valid      bool
	key        string // of the call that made it
}

// dbData is live data or a copy.
type dbData struct {
	copy   string // what it was called as a copy; "" for what was live from the start
	backup string
	time   float64 // the moment that it is of; 0 for now
	valid  bool
	key    string // of the call that restored it
}

func newDatabase() *database {
	return &database{nodes: map[string]*dbNode{"primary": {up: true, writable: true, lag: 0.0, timeline: 1}}, primary: "primary", timeline: 1,
		backups: []dbBackup{{name: "full-1", kind: "full", age: 24 * time.Hour, size: 1 << 30, valid: true}}, log: true,
		live: dbData{valid: true}, copies: map[string]dbData{}, newest: -1, script: newScripted("db"), takes: map[string]any{}, assumed: true}
}

func (b *database) clone() *database {
	c := *b
	c.nodes = make(map[string]*dbNode, len(b.nodes))
	for name, n := range b.nodes {
		copied := *n
		c.nodes[name] = &copied
	}
	c.copies, c.takes, c.script = maps.Clone(b.copies), maps.Clone(b.takes), b.script.clone()
	return &c
}

// forget drops what was assumed of the nodes, before real ones are named.
func (b *database) forget() {
	if b.assumed {
		b.nodes, b.primary, b.assumed = map[string]*dbNode{}, "", false
	}
}

// load takes what a scenario says, on a copy.
func (b *database) load(s map[string]any) *database {
	b.assumed = false
	if nodes := table(s, "nodes"); len(nodes) > 0 {
		b.nodes, b.primary = map[string]*dbNode{}, ""
		for _, name := range sortedNames(nodes) {
			of := table(nodes, name)
			n := &dbNode{up: true, lag: 0.0, timeline: b.timeline}
			if up, ok := of["up"]; ok {
				n.up = up
			}
			if lag, ok := of["lag"]; ok {
				n.lag = lag
			}
			if n.writable, _ = of["primary"].(bool); n.writable {
				b.primary = name
			}
			b.nodes[name] = n
		}
	}
	if list, ok := s["backups"].([]any); ok {
		b.backups = nil
		for _, v := range list {
			e := v.(map[string]any)
			valid, _ := e["valid"].(bool)
			b.backups = append(b.backups, dbBackup{name: str(e, "name"), kind: str(e, "type"), age: effect.Seconds(num(e, "age")), size: num(e, "size"), valid: valid})
		}
	}
	if log, ok := s["log"].(bool); ok {
		b.log = log
	}
	if valid, ok := s["valid"].(bool); ok {
		b.live.valid = valid
	}
	for name := range table(s, "copies") {
		valid, _ := table(table(s, "copies"), name)["valid"].(bool)
		b.copies[name] = dbData{copy: name, valid: valid}
	}
	if v, ok := s["version"].(float64); ok {
		b.version = v
	}
	if v, ok := s["newest"].(float64); ok {
		b.newest = v
	}
	maps.Copy(b.takes, table(s, "takes"))
	b.script.take(s, "statements")
	return b
}

// look finds out which nodes run and how far they are behind. The error is the
// first one; a node of which it cannot be told counts as up.
func (b *database) look(m effect.Moment) (failed *effect.Error) {
	for _, name := range sortedNames(b.nodes) {
		n := b.nodes[name]
		up, err := resolveAs(m, field("up", effect.Bool, ""), n.up)
		if failed == nil {
			failed = err
		}
		lag, lagErr := resolveAs(m, field("lag", effect.Duration, ""), n.lag)
		if failed == nil {
			failed = lagErr
		}
		n.seenUp, _ = up.(bool)
		n.seenUp = n.seenUp || err != nil
		n.seenLag, _ = lag.(float64)
	}
	return failed
}

// node returns a node that runs: the named one, or the primary.
func (b *database) node(args map[string]any) (string, *dbNode, *effect.Error) {
	name := str(args, "node")
	if name == "" {
		name = b.primary
	}
	n := b.nodes[name]
	switch {
	case n == nil && name == "":
		return "", nil, effect.Errorf(effect.CodeUnavailable, "the database has no primary").WithHint("promote a replica with db.promote")
	case n == nil && b.assumed:
		return "", nil, cannotTell("db = { nodes = { a = { primary = true }, "+name+" = { lag = \"1s\" } } }", "nothing is known of the node %s", name)
	case n == nil:
		return "", nil, notFound("node", name, sortedNames(b.nodes))
	case !n.seenUp:
		return "", nil, effect.Errorf(effect.CodeUnavailable, "node %s does not answer", name).WithHint("name another node, or promote a replica with db.promote")
	}
	return name, n, nil
}

// writer is node, for ops that write.
func (b *database) writer() *effect.Error {
	name, n, err := b.node(nil)
	if err == nil && !n.writable {
		return effect.Errorf(effect.CodeRefused, "node %s only reads", name).WithHint("promote it with db.promote, if the old primary is gone")
	}
	return err
}

func (b *database) lag(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if b.assumed {
		return nil, cannotTell(`db = { nodes = { a = { primary = true }, b = { lag = "1s" } } }`, "nothing is known of replicas")
	}
	only := str(args, "node")
	if only != "" {
		if _, _, err := b.node(args); err != nil {
			return nil, err
		}
	}
	replicas := map[string]any{}
	out := map[string]any{"replicas": replicas}
	for name, n := range b.nodes {
		if n.seenUp && !n.writable && (only == "" || only == name) {
			replicas[name] = n.seenLag
			worst, said := out["lag"].(float64)
			if !said || n.seenLag > worst {
				out["lag"] = n.seenLag
			}
		}
	}
	return out, nil
}

func (b *database) isPrimary(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	name, n, err := b.node(args)
	if err != nil {
		return nil, err
	}
	return map[string]any{"primary": n.writable, "node": name, "timeline": n.timeline}, nil
}

// promote leaves the old primary as it is: whoever promotes beside a primary
// that lives has two.
func (b *database) promote(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if b.assumed {
		return nil, cannotTell(`db = { nodes = { a = { primary = true, up = false }, b = { lag = "1s" } } }`, "nothing is known of replicas")
	}
	name, n, err := b.node(args)
	if err != nil {
		return nil, err
	}
	if !n.writable {
		b.timeline++
		n.writable, n.timeline, n.lag = true, b.timeline, 0.0
		b.primary = name
	}
	return map[string]any{"primary": name, "timeline": n.timeline}, nil
}

func (b *database) state(m effect.Moment) map[string]any {
	nodes := map[string]any{}
	for name, n := range b.nodes {
		nodes[name] = map[string]any{"up": n.seenUp, "writable": n.writable, "lag": n.seenLag, "timeline": n.timeline}
	}
	backups := []any{}
	for _, k := range b.backups {
		backups = append(backups, map[string]any{"name": k.name, "type": k.kind, "ended": unix(k.at(m))})
	}
	copies := map[string]any{}
	for name, c := range b.copies {
		copies[name] = c.state()
	}
	out := map[string]any{"nodes": nodes, "primary": b.primary, "timeline": b.timeline, "backups": backups, "copies": copies,
		"live": b.live.state(), "version": b.version}
	maps.Copy(out, b.script.state())
	if b.assumed {
		out["assumed"] = true
	}
	return out
}

// at returns when the backup was complete.
func (k dbBackup) at(m effect.Moment) time.Time {
	if !k.ended.IsZero() {
		return k.ended
	}
	return m.Start.Add(-k.age)
}

func (d dbData) state() map[string]any {
	out := map[string]any{"valid": d.valid}
	if d.copy != "" {
		out["copy"] = d.copy
	}
	if d.backup != "" {
		out["backup"], out["time"] = d.backup, d.time
	}
	return out
}

// byTime returns the newest backup that was complete by a moment, or nil.
func (b *database) byTime(m effect.Moment, at time.Time) *dbBackup {
	for _, k := range slices.Backward(b.backups) {
		if !k.at(m).After(at) {
			return &k
		}
	}
	return nil
}
