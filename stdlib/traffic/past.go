package traffic

import (
	"math"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// poolPast is what the record tells of one pool.
type poolPast struct {
	before  map[string]any // the shares before the run changed them; nil if it did not read them
	now     map[string]any // the shares that were last seen to be set
	changes []any          // what somebody else set, as a scenario says it
}

// Remember implements effect.Rememberer: for each pool, the shares before the
// run changed them, as far as it read them, and what others have set in the
// meantime, by the time at which it was seen.
func (t *Model) Remember(p effect.Past) error {
	pools := map[string]*poolPast{}
	var names []string
	for i, o := range p.Outcomes {
		name := plain.Str(o.Args, "pool")
		if pools[name] == nil {
			pools[name] = &poolPast{}
			names = append(names, name)
		}
		pool := pools[name]
		set, taken := recordedShares(o.Value)
		switch {
		case o.Class.Writes():
			pool.now = set // nil where it failed: nothing is known
		case len(set) == 0:
		case pool.now == nil:
			if pool.now = set; pool.before == nil && !changedBy(p.Outcomes[:i], name) {
				pool.before = set
			}
		case differ(set, pool.now):
			pool.now = set
			pool.changes = append(pool.changes, map[string]any{"at": o.Began.Seconds(), "weights": wholeShares(set)})
		}
		if len(set) > 0 && differ(set, taken) {
			p.Missing("servers that took less than the share that was set (down, slow start): they are taken to be up")
		}
	}
	state, named := map[string]any{}, map[string]any{}
	for _, name := range names {
		of := map[string]any{}
		if w := pools[name].before; w != nil {
			of["weights"] = wholeShares(w)
		}
		if c := pools[name].changes; len(c) > 0 {
			of["changes"] = c
		}
		switch {
		case len(of) == 0:
		case name == "":
			for k, v := range of {
				state[k] = v
			}
		default:
			named[name] = of
		}
	}
	if len(named) > 0 {
		state["pools"] = named
	}
	return t.Load(state)
}

// changedBy reports whether one of these outcomes is that of a change to the pool.
func changedBy(outcomes []effect.PastOutcome, pool string) bool {
	return slices.ContainsFunc(outcomes, func(o effect.PastOutcome) bool { return o.Class.Writes() && plain.Str(o.Args, "pool") == pool })
}

// recordedShares reads what an op of traffic returned: the shares that are set,
// or else those that are taken, and those that are taken.
func recordedShares(value any) (set, taken map[string]any) {
	v, _ := value.(map[string]any)
	taken, _ = v["weights"].(map[string]any)
	set, _ = v["configured"].(map[string]any)
	if servers, ok := v["servers"].([]any); ok {
		set, taken = map[string]any{}, map[string]any{}
		for _, e := range servers {
			s, _ := e.(map[string]any)
			name, _ := s["name"].(string)
			taken[name], set[name] = s["weight"], s["weight"]
			if c, told := s["configured"]; told {
				set[name] = c
			}
		}
	}
	if len(set) == 0 {
		set = taken
	}
	return set, taken
}

// differ reports whether a share differs by more than rounding does.
func differ(a, b map[string]any) bool {
	if len(a) != len(b) {
		return true
	}
	for name, v := range a {
		x, _ := v.(float64)
		y, _ := b[name].(float64)
		if math.Abs(x-y) > 1 {
			return true
		}
	}
	return false
}

// wholeShares makes shares add up to 100: what was read has rounding in it.
func wholeShares(shares map[string]any) map[string]any {
	names := make([]string, 0, len(shares))
	sum := 0.0
	for name, v := range shares {
		x, _ := v.(float64)
		sum += x
		names = append(names, name)
	}
	slices.Sort(names)
	out := make(map[string]any, len(shares))
	left := 100.0
	for i, name := range names {
		x, _ := shares[name].(float64)
		if sum > 0 {
			x = min(100*x/sum, left)
		}
		if i == len(names)-1 && sum > 0 {
			x = left
		}
		out[name] = x
		left -= x
	}
	return out
}
