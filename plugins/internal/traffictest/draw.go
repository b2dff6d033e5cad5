// Package traffictest is what the tests of the backends of traffic have in common.
package traffictest

import (
	"math"
	"math/rand/v2"

	"github.com/q-ecosystem/runbook/plugins"
)

// Draw returns an op that the backend carries, at random, and arguments that name
// some of these servers. Some shares are too fine for most proxies.
func Draw(random *rand.Rand, b plugins.Backend, names []string) (op string, args map[string]any) {
	ops := b.Describe().Ops
	op, args = ops[random.IntN(len(ops))].Name, map[string]any{}
	if random.IntN(4) == 0 { // which has the most to it
		op = "split"
	}
	one := func() string { return names[random.IntN(len(names))] }
	switch op {
	case "split":
		left := 100.0
		for n := random.IntN(3); n > 0; n-- {
			if name := one(); args[name] == nil {
				share := math.Min(left, []float64{0, 0.004, 0.004, 0.4, 1, 12.5, 33.3, 50}[random.IntN(8)])
				args[name], left = share, left-share
			}
		}
		if len(args) > 0 && random.IntN(2) == 0 {
			args["others"] = "keep"
			break
		}
		last := one()
		if share, ok := args[last].(float64); ok {
			left += share
		}
		args[last] = left
	case "switch":
		args["to"] = one()
	case "drain", "ready":
		args["server"] = one()
	}
	return op, args
}
