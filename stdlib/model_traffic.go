package stdlib

import (
	"maps"
	"math"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// trafficModel is a proxy with pools, kept by name; "" is the one that calls
// without a pool mean. It keeps weights as whole numbers, as proxies do.
//
// State: { weights = { blue = 90, green = 10 }, servers = { blue = { weight,
// status } }, assumed = true, pools = { name = the same } }. A pool that no
// scenario declared comes into being with the first split or switch; assumed
// says so.
type trafficModel struct {
	pools  map[string]*trafficPool
	doubts []string // see Doubts
}

func newTrafficModel() *trafficModel { return &trafficModel{pools: map[string]*trafficPool{}} }

// poolFields are what a scenario may say of a pool.
func poolFields() []effect.Field {
	status := []string{"up", "down", "drain", "maint"}
	return []effect.Field{
		{Name: "weights", Type: effect.Map, Elem: &effect.Field{Type: effect.Percent, Min: effect.Bound(0), Max: effect.Bound(100)},
			Doc: "the share of each server; who is not named takes none"},
		{Name: "servers", Type: effect.Map, Doc: "the servers, by name", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "weight", Type: effect.Percent, Min: effect.Bound(0), Max: effect.Bound(100), Doc: "its share"},
			{Name: "status", Type: effect.Enum, Enum: status, Doc: "its status, or a function of the world that returns it"},
		}}},
		{Name: "scale", Type: effect.Int, Min: effect.Bound(1), Max: effect.Bound(256), Doc: "the weight that 100% stands for; 100 if left out"},
	}
}

// Load implements effect.Model.
func (t *trafficModel) Load(state map[string]any) error {
	fields := append(poolFields(), effect.Field{Name: "pools", Type: effect.Map,
		Elem: &effect.Field{Type: effect.Object, Fields: poolFields()}, Doc: "pools that calls name"})
	s, err := loadState(fields, nil, state, "servers.*.status", "pools.*.servers.*.status")
	if err != nil {
		return err
	}
	next := t.clone()
	if s["weights"] != nil || s["servers"] != nil || s["scale"] != nil {
		if err := next.pool("").load(s); err != nil {
			return err
		}
	}
	pools := table(s, "pools")
	for _, name := range sortedNames(pools) {
		if err := next.pool(name).load(table(pools, name)); err != nil {
			fe := *err
			fe.Path = "pools." + name + "." + fe.Path
			return &fe
		}
	}
	t.pools = next.pools
	return nil
}

// pool returns the pool of that name, which it makes if need be.
func (t *trafficModel) pool(name string) *trafficPool {
	if t.pools[name] == nil {
		t.pools[name] = &trafficPool{name: name, scale: 100, servers: map[string]*trafficServer{}}
	}
	return t.pools[name]
}

// Do implements effect.Model.
func (t *trafficModel) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	name := str(args, "pool")
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
	switch op {
	case "weights":
	case "servers":
		return map[string]any{"servers": p.list()}, nil
	case "split":
		shares := map[string]float64{}
		for server, v := range args {
			if share, ok := v.(float64); ok && server != "pool" {
				shares[server] = share
			}
		}
		err = p.divide(shares)
	case "switch":
		err = p.divide(map[string]float64{str(args, "to"): 100})
	case "drain":
		err = p.drain(str(args, "server"))
	case "ready":
		err = p.ready(str(args, "server"))
	default:
		err = noOp("traffic", op)
	}
	if err != nil {
		return nil, err
	}
	if op != "weights" {
		t.pools[name] = p
	}
	return map[string]any{"weights": p.shares()}, nil
}

// poolFor returns the pool that a call is about. One that nobody declared is
// taken to hold the servers that the call names.
func (t *trafficModel) poolFor(name, op string, args map[string]any) (*trafficPool, *effect.Error) {
	p := t.pools[name]
	if p != nil && (p.complete || op != "split" && op != "switch") {
		return p, nil
	}
	if p == nil {
		declared := slices.ContainsFunc(sortedNames(t.pools), func(n string) bool { return n != "" && !t.pools[n].assumed })
		if declared && name != "" {
			return nil, notFound("pool", name, slices.DeleteFunc(sortedNames(t.pools), func(n string) bool { return n == "" }))
		}
		if op != "split" && op != "switch" {
			example := "traffic = { weights = { blue = 100, green = 0 } }"
			if name != "" {
				example = "traffic = { pools = { [\"" + name + "\"] = { weights = { blue = 100, green = 0 } } } }"
			}
			return nil, cannotTell(example, "nothing is known of the servers of %s", poolLabel(name))
		}
		p = &trafficPool{name: name, scale: 100, servers: map[string]*trafficServer{}, assumed: true}
	}
	p = p.clone()
	for server, v := range args {
		if _, ok := v.(float64); ok && op == "split" && server != "pool" {
			p.admit(server)
		}
	}
	if op == "switch" {
		p.admit(str(args, "to"))
	}
	p.complete = op == "split" // a split names them all, or leaves them without traffic
	return p, nil
}

// State implements effect.Model.
func (t *trafficModel) State(m effect.Moment) map[string]any {
	out, named := map[string]any{}, map[string]any{}
	for name, p := range t.pools {
		p = p.clone()
		if m.Dirty {
			p.recover()
		}
		_ = p.look(m) // whose status cannot be told counts as up
		s := p.state()
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
func (t *trafficModel) Clone() effect.Model { return t.clone() }

func (t *trafficModel) clone() *trafficModel {
	c := newTrafficModel()
	c.doubts = slices.Clone(t.doubts)
	for name, p := range t.pools {
		c.pools[name] = p.clone()
	}
	return c
}

// Needs implements effect.Learner.
func (t *trafficModel) Needs(_ effect.Moment, _ string, args map[string]any) []effect.Reading {
	which := pick(args, "pool")
	return []effect.Reading{{Op: "servers", Args: which}, {Op: "weights", Args: which}}
}

// Prime names what is worth reading from the real proxy before anything
// happens, so that other modules' functions see it.
func (t *trafficModel) Prime() []effect.Reading { return t.Needs(effect.Moment{}, "", nil) }

// Learn implements effect.Learner.
func (t *trafficModel) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	p := &trafficPool{name: str(r.Args, "pool"), scale: 100, servers: map[string]*trafficServer{}, complete: true}
	if old := t.pools[p.name]; old != nil && !old.assumed {
		p = old.clone()
	}
	if r.Op == "servers" {
		servers, _ := got["servers"].([]any)
		for _, e := range servers {
			s, _ := e.(map[string]any)
			known := p.admit(str(s, "name"))
			known.weight = p.weightOf(num(s, "weight"))
			known.setStatus(str(s, "status"))
			known.found = true
		}
	} else {
		for name, share := range table(got, "weights") {
			x, _ := share.(float64)
			p.admit(name).weight = p.weightOf(x)
		}
	}
	if len(p.servers) > 0 {
		t.pools[p.name] = p
	}
	return nil
}

// Doubts returns what was learned from the real proxy and taken to be
// otherwise when it matters, in words.
func (t *trafficModel) Doubts() []string { return slices.Clone(t.doubts) }

// Assumes reports whether what the op tells rests on a state that nobody
// declared.
func (t *trafficModel) Assumes(_ string, args map[string]any) bool {
	p := t.pools[str(args, "pool")]
	return p == nil || p.assumed
}

// weightOf turns a share into a weight.
func (p *trafficPool) weightOf(share float64) int {
	return int(math.Round(share / 100 * float64(p.scale)))
}

func poolLabel(name string) string {
	if name == "" {
		return "the configured pool"
	}
	return "pool " + name
}
