package traffic

import (
	"maps"
	"math"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model is a proxy with pools, kept by name; "" is the one that calls
// without a pool mean. It keeps weights as whole numbers, as proxies do.
//
// State: { weights = { blue = 90, green = 10 }, servers = { blue = { weight,
// status, sessions } }, assumed = true, drifted = true, pools = { name = the same } }. A
// pool that no scenario declared comes into being with the first split or
// switch; assumed says so. drifted says that the proxy was reloaded and has
// forgotten what was set.
type Model struct {
	pools  map[string]*pool
	doubts []string // see Doubts
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model { return &Model{pools: map[string]*pool{}} }

// poolFields are what a scenario may say of a pool.
func poolFields() []effect.Field {
	status := []string{"up", "down", "drain", "maint"}
	return []effect.Field{
		{Name: "weights", Type: effect.Map, Elem: &effect.Field{Type: effect.Percent, Min: effect.Bound(0), Max: effect.Bound(100)},
			Doc: "the share of each server; who is not named takes none"},
		{Name: "servers", Type: effect.Map, Doc: "the servers, by name", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "weight", Type: effect.Percent, Min: effect.Bound(0), Max: effect.Bound(100), Doc: "its share"},
			{Name: "status", Type: effect.Enum, Enum: status, Doc: "its status, or a function of the world that returns it"},
			{Name: "backup", Type: effect.Bool, Doc: "true if it takes requests only when no other server can"},
		}}},
		{Name: "scale", Type: effect.Int, Min: effect.Bound(1), Max: effect.Bound(10000), Doc: "the weight that 100% stands for; 100 if left out, 10000 is that of nginx and Caddy"},
		{Name: "all_backups", Type: effect.Bool, Doc: "whether all backups share the requests when no other server can; else the first takes them, in the order of the names"},
		foreignField(),
		{Name: "sessions", Type: effect.Duration, Doc: "how long it takes until what is under way at a server has ended, once it gets nothing new; 10s at a server that drains if left out"},
		{Name: "slow_start", Type: effect.Duration, Doc: "how long a server that comes up, or is ready after maintenance, takes to get to its weight; at once if left out"},
	}
}

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	return effect.ScenarioFields{Functions: []string{"servers.*.status", "pools.*.servers.*.status"},
		Fields: append(poolFields(), effect.Field{Name: "pools", Type: effect.Map,
			Elem: &effect.Field{Type: effect.Object, Fields: poolFields()}, Doc: "pools that calls name"})}
}

// Load implements effect.Model.
func (t *Model) Load(state map[string]any) error {
	s, err := scenario().Check(state)
	if err != nil {
		return err
	}
	next := t.clone()
	own := maps.Clone(s)
	if delete(own, "pools"); len(own) > 0 {
		if err := next.pool("").load(s); err != nil {
			return err
		}
	}
	pools := plain.Table(s, "pools")
	for _, name := range plain.SortedNames(pools) {
		if err := next.pool(name).load(plain.Table(pools, name)); err != nil {
			fe := *err
			fe.Path = "pools." + name + "." + fe.Path
			return &fe
		}
	}
	t.pools = next.pools
	return nil
}

// pool returns the pool of that name, which it makes if need be.
func (t *Model) pool(name string) *pool {
	if t.pools[name] == nil {
		t.pools[name] = &pool{name: name, scale: 100, servers: map[string]*server{}, assumed: true}
	}
	return t.pools[name]
}

// Do implements effect.Model.
func (t *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	name := plain.Str(args, "pool")
	if known := t.pools[name]; known != nil {
		known.meet(m)
	}
	p, err := t.poolFor(name, op, args)
	if err != nil {
		return nil, err
	}
	p = p.clone()
	if m.Dirty {
		t.doubts = append(t.doubts, p.recover()...)
	}
	if err := p.look(m); err != nil {
		return nil, err
	}
	if known := t.pools[name]; known != nil {
		known.seeComingUp(p)
	}
	before := p.shares()
	switch op {
	case "weights":
	case "servers":
		return map[string]any{"servers": p.list(m.Now)}, nil
	case "split":
		err = p.divide(Named(args), Keeps(args))
	case "switch":
		err = p.divide(map[string]float64{plain.Str(args, "to"): 100}, false)
	case "drain":
		err = p.drain(plain.Str(args, "server"))
	case "ready":
		err = p.ready(plain.Str(args, "server"))
	default:
		err = model.NoOp("traffic", op)
	}
	if err != nil {
		return nil, err
	}
	if op != "weights" {
		t.pools[name] = p
		_ = p.look(m) // once more: who was taken out or let in again
		p.leave(before, m.Now)
	}
	return map[string]any{"weights": p.shares(), "configured": p.configured()}, nil
}

// poolFor returns the pool that a call is about. One that nobody declared is
// taken to hold the servers that the call names.
func (t *Model) poolFor(name, op string, args map[string]any) (*pool, *effect.Error) {
	p, keeps := t.pools[name], op == "split" && Keeps(args)
	if p != nil && !p.blank() && (p.complete || op != "split" && op != "switch") {
		return p, nil
	}
	if p == nil || p.blank() {
		declared := slices.ContainsFunc(plain.SortedNames(t.pools), func(n string) bool { return n != "" && !t.pools[n].assumed })
		if declared && name != "" {
			return nil, model.NotFound("pool", name, slices.DeleteFunc(plain.SortedNames(t.pools), func(n string) bool { return n == "" }))
		}
		if keeps || op != "split" && op != "switch" {
			example := "traffic = { weights = { blue = 100, green = 0 } }"
			if name != "" {
				example = "traffic = { pools = { [\"" + name + "\"] = { weights = { blue = 100, green = 0 } } } }"
			}
			return nil, model.CannotTell(example, "nothing is known of the servers of %s", poolLabel(name))
		}
		if p == nil {
			p = &pool{name: name, scale: 100, servers: map[string]*server{}, assumed: true}
		}
	}
	p = p.clone()
	if op == "switch" {
		p.admit(plain.Str(args, "to"))
	} else {
		for server := range Named(args) {
			p.admit(server)
		}
	}
	p.complete = op == "split" && !keeps // which names them all, or leaves them without traffic
	return p, nil
}

// drift is the module's fault kind.
const drift = "drift"

func faults() []effect.FaultKind {
	return []effect.FaultKind{{Name: drift, Doc: "The proxy is reloaded and forgets what was set", Ops: []string{"servers", "weights"}}}
}

// Break implements effect.Breaker. No part of the pool is bad afterwards: what
// is wrong is what the run takes for true.
func (t *Model) Break(_, _ string, args map[string]any) string {
	if p := t.pools[plain.Str(args, "pool")]; p != nil {
		p.reload()
	}
	return ""
}

// State implements effect.Model.
func (t *Model) State(m effect.Moment) map[string]any {
	out, named := map[string]any{}, map[string]any{}
	for name, p := range t.pools {
		if p.blank() {
			continue
		}
		p = p.clone()
		p.meet(m)
		if m.Dirty {
			p.recover()
		}
		_ = p.look(m) // whose status cannot be told counts as up
		s := p.state(m.Now)
		if name == "" {
			maps.Copy(out, s)
		} else {
			named[name] = s
		}
	}
	if len(named) > 0 {
		out["pools"] = named
	}
	return out
}

// Clone implements effect.Model.
func (t *Model) Clone() effect.Model { return t.clone() }

func (t *Model) clone() *Model {
	c := NewModel()
	c.doubts = slices.Clone(t.doubts)
	for name, p := range t.pools {
		c.pools[name] = p.clone()
	}
	return c
}

// Needs implements effect.Learner.
func (t *Model) Needs(_ effect.Moment, _ string, args map[string]any) []effect.Reading {
	which := plain.Pick(args, "pool")
	return []effect.Reading{{Op: "servers", Args: which}, {Op: "weights", Args: which}}
}

// Prime names what is worth reading from the real proxy before anything
// happens, so that other modules' functions see it.
func (t *Model) Prime() []effect.Reading { return t.Needs(effect.Moment{}, "", nil) }

// Learn implements effect.Learner.
func (t *Model) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	p := &pool{name: plain.Str(r.Args, "pool"), scale: 100, servers: map[string]*server{}}
	if old := t.pools[p.name]; old != nil && (!old.assumed || old.blank()) {
		p = old.clone()
	}
	p.assumed, p.complete = false, true
	if r.Op == "servers" {
		servers, _ := got["servers"].([]any)
		for i, e := range servers {
			s, _ := e.(map[string]any)
			known := p.admit(plain.Str(s, "name"))
			known.order = i
			known.weight = p.weightOf(set(s, "configured", "weight"))
			known.backup, _ = s["backup"].(bool)
			known.setStatus(plain.Str(s, "status"))
			known.found = true
			known.written()
		}
	} else {
		shares := plain.Table(got, "weights")
		if configured := plain.Table(got, "configured"); len(configured) > 0 {
			shares = configured
		}
		for name, share := range shares {
			x, _ := share.(float64)
			s := p.admit(name)
			s.weight = p.weightOf(x)
			s.written()
		}
	}
	if len(p.servers) > 0 {
		t.pools[p.name] = p
	}
	return nil
}

// set returns the first of two numbers that is there: backends that do not
// tell what is configured tell what is taken.
func set(s map[string]any, first, second string) float64 {
	if x, ok := s[first].(float64); ok {
		return x
	}
	return plain.Num(s, second)
}

// Doubts returns what was learned from the real proxy and taken to be
// otherwise when it matters, in words.
func (t *Model) Doubts() []string { return slices.Clone(t.doubts) }

// Assumes implements effect.Assumer: what the op tells may rest on a state that
// nobody declared.
func (t *Model) Assumes(_ string, args map[string]any) string {
	p := t.pools[plain.Str(args, "pool")]
	return model.Assuming(p == nil || p.assumed, "traffic before the first change")
}

// weightOf turns a share into a weight.
func (p *pool) weightOf(share float64) int {
	return int(math.Round(share / 100 * float64(p.scale)))
}

func poolLabel(name string) string {
	if name == "" {
		return "the configured pool"
	}
	return "pool " + name
}

// Repeats implements effect.Repeater: the weight of a server stands in
// weights, too, and its sessions follow from it.
func (t *Model) Repeats(path []string) bool {
	if len(path) > 2 && path[0] == "pools" {
		path = path[2:]
	}
	return len(path) == 3 && path[0] == "servers" && (path[2] == "weight" || path[2] == "sessions")
}
