package db

import (
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// database is one database in the simulated world: nodes, backups, the live
// data and copies beside it.
type database struct {
	nodes    map[string]*node
	primary  string  // the node that was promoted last
	lost     float64 // seconds of writes that no promoted node had received
	timeline float64
	given    float64 // the newest timeline that a copy has
	forks    map[float64]fork
	backups  []backup // oldest first; never changed in place
	log      bool
	live     data
	copies   map[string]data
	version  float64
	newest   float64 // below zero: one more than version
	script   model.Scripted
	was      []change // what version and vars of script were; oldest first, never changed in place
	takes    map[string]any
	damage   string         // the copy whose restore comes next, and comes out damaged
	silent   bool           // the next question how far replicas are behind has no answer
	assumed  bool           // nobody declared it
	declared bool           // the scenario did
	listed   bool           // its backups were read all the same
	migrated bool           // so were its migrations
	steps    []step         // what these are; nil where they are counted up. Never changed in place
	doubt    string         // what was taken to be so at a promotion, and may not be
	logAge   *time.Duration // how long before the start the log ends; nil if it goes on
	// unverifiable says that live data lacks what db.validate needs.
	unverifiable bool
}

// node is one server of a database.
type node struct {
	up       any // a bool or a Func
	writable bool
	lag      any // seconds or a Func
	behind   any // bytes of log that it has not, or a Func; nil if nobody said
	timeline float64
	stuck    *content // what it has, of a replica that cannot follow
	// quiet says that lag is how long ago a real replica replayed something, asked
	// for without its primary: what it misses is at most what was written since.
	quiet bool

	seenUp  bool // once look has been called
	seenLag float64
	bytes   any // behind as it was seen: a float64, or nil
}

// backup is a complete backup.
type backup struct {
	name, kind string
	ended      time.Time     // zero: age before the start
	age        time.Duration // before the start
	size       float64
	valid      bool
	damaged    bool     // and known to be
	key        string   // of the call that made it
	content    *content // nil for that of the start
	timeline   float64  // 0 for that of the start
}

// data is live data or a copy.
type data struct {
	copy   string // what it was called as a copy; "" for what was live from the start
	backup string
	time   float64 // the moment that it is of; 0 for now
	valid  bool
	broken bool   // so that reading shows it
	key    string // of the call that restored it

	content  *content // of a copy; nil for that of the start
	timeline float64  // of a copy; 0 if nobody knows
	taken    bool     // a node began a timeline of the same number since
}

func newDatabase() *database {
	return &database{nodes: map[string]*node{"primary": {up: true, writable: true, lag: 0.0, timeline: 1}}, primary: "primary", timeline: 1,
		backups: []backup{{name: "full-1", kind: "full", age: 24 * time.Hour, size: 1 << 30, valid: true}}, log: true,
		live: data{valid: true}, copies: map[string]data{}, forks: map[float64]fork{}, newest: -1, script: model.NewScripted("db"), takes: map[string]any{}, assumed: true}
}

func (b *database) clone() *database {
	c := *b
	c.nodes = make(map[string]*node, len(b.nodes))
	for name, n := range b.nodes {
		copied := *n
		c.nodes[name] = &copied
	}
	c.copies, c.takes, c.forks, c.script = maps.Clone(b.copies), maps.Clone(b.takes), maps.Clone(b.forks), b.script.Clone()
	return &c
}

// forget drops what was assumed of the nodes, before real ones are named.
func (b *database) forget() {
	if b.assumed {
		b.nodes, b.primary, b.assumed = map[string]*node{}, "", false
	}
}

// load takes what a scenario says, on a copy.
func (b *database) load(s map[string]any) *database {
	nodes := plain.Table(s, "nodes")
	if len(nodes) > 0 {
		b.forget()
	}
	b.assumed, b.declared = false, true
	if len(nodes) > 0 {
		for _, name := range plain.SortedNames(nodes) {
			of, n := plain.Table(nodes, name), b.nodes[name]
			if n == nil {
				n = &node{up: true, lag: 0.0, timeline: b.timeline}
			}
			if up, ok := of["up"]; ok {
				n.up = up
			}
			if lag, ok := of["lag"]; ok {
				n.lag = lag
			}
			if behind, ok := of["behind"]; ok {
				n.behind = behind
			}
			if writes, ok := of["primary"].(bool); ok {
				n.writable = writes
			}
			if n.writable && of["primary"] == true {
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
			b.backups = append(b.backups, backup{name: plain.Str(e, "name"), kind: plain.Str(e, "type"), age: effect.Seconds(plain.Num(e, "age")), size: plain.Num(e, "size"),
				valid: valid && e["damaged"] != true, damaged: e["damaged"] == true})
		}
	}
	if log, ok := s["log"].(bool); ok {
		b.log = log
	}
	if age, ok := s["log_age"].(float64); ok {
		b.logAge = new(effect.Seconds(age))
	}
	if verifiable, ok := s["verifiable"].(bool); ok {
		b.unverifiable = !verifiable
	}
	if valid, ok := s["valid"].(bool); ok {
		b.live.valid = valid
	}
	for name := range plain.Table(s, "copies") {
		valid, _ := plain.Table(plain.Table(s, "copies"), name)["valid"].(bool)
		b.copies[name] = data{copy: name, valid: valid}
	}
	if v, ok := s["version"].(float64); ok {
		b.version = v
	}
	if v, ok := s["newest"].(float64); ok {
		b.newest = v
	}
	maps.Copy(b.takes, plain.Table(s, "takes"))
	b.script.Take(s, "statements")
	return b
}

// look finds out which nodes run and how far they are behind. The error is the
// first one; a node of which it cannot be told counts as up.
func (b *database) look(m effect.Moment) (failed *effect.Error) {
	for _, name := range plain.SortedNames(b.nodes) {
		n := b.nodes[name]
		up, err := model.ResolveAs(m, field.Of("up", effect.Bool, ""), n.up)
		if failed == nil {
			failed = err
		}
		lag, lagErr := model.ResolveAs(m, field.Of("lag", effect.Duration, ""), n.lag)
		if failed == nil {
			failed = lagErr
		}
		n.seenUp, _ = up.(bool)
		n.seenUp = n.seenUp || err != nil
		n.seenLag, _ = lag.(float64)
		bytes, bytesErr := model.ResolveAs(m, field.Of("behind", effect.Size, ""), n.behind)
		if failed == nil {
			failed = bytesErr
		}
		if n.bytes = bytes; n.bytes == nil && lagErr == nil && n.seenLag == 0 {
			n.bytes = 0.0
		}
	}
	return failed
}

// node returns a node that runs: the named one, or the primary.
func (b *database) node(args map[string]any) (string, *node, *effect.Error) {
	name := plain.Str(args, "node")
	if name == "" {
		name = b.primary
	}
	n := b.nodes[name]
	switch {
	case n == nil && name == "":
		return "", nil, effect.Errorf(effect.CodeUnavailable, "the database has no primary").WithHint("promote a replica with db.promote")
	case n == nil && b.assumed:
		return "", nil, model.CannotTell("db = { nodes = { a = { primary = true }, "+name+" = { lag = \"1s\" } } }", "nothing is known of the node %s", name)
	case n == nil:
		return "", nil, model.NotFound("node", name, plain.SortedNames(b.nodes))
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

func (b *database) state(m effect.Moment) map[string]any {
	nodes := map[string]any{}
	for name, n := range b.nodes {
		nodes[name] = map[string]any{"up": n.seenUp, "writable": n.writable, "lag": n.seenLag, "timeline": n.timeline}
	}
	backups := []any{}
	for _, k := range b.backups {
		backups = append(backups, map[string]any{"name": k.name, "type": k.kind, "ended": plain.Unix(k.at(m))})
	}
	copies := map[string]any{}
	for name, c := range b.copies {
		copies[name] = c.state()
	}
	out := map[string]any{"nodes": nodes, "primary": b.primary, "timeline": b.timeline, "backups": backups, "copies": copies,
		"live": b.live.state(), "version": b.version}
	maps.Copy(out, b.script.State())
	if b.assumed {
		out["assumed"] = true
	}
	if b.lost > 0 {
		out["lost"] = b.lost
	}
	return out
}

// at returns when the backup was complete.
func (k backup) at(m effect.Moment) time.Time {
	if !k.ended.IsZero() {
		return k.ended
	}
	return m.Start.Add(-k.age)
}

func (d data) state() map[string]any {
	out := map[string]any{"valid": d.valid}
	if d.copy != "" {
		out["copy"] = d.copy
	}
	if d.backup != "" {
		out["backup"], out["time"] = d.backup, d.time
	}
	return out
}

// slack is by how much moments may differ that count as one: a number of
// seconds since 1970 does not hold a moment exactly.
const slack = time.Millisecond / 2

// byTime returns the newest backup that was complete by a moment and fits, or
// nil.
func (b *database) byTime(m effect.Moment, at time.Time) *backup {
	for _, k := range slices.Backward(b.backups) {
		if !k.damaged && k.at(m).Sub(at) <= slack && b.fits(m, &k) {
			return &k
		}
	}
	return nil
}
