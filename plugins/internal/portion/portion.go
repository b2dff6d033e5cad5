// Package portion reads what a write of the module traffic asks for, for backends
// whose proxies keep shares as whole numbers.
package portion

import (
	"maps"
	"math"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// Whole is 100% in hundredths of a percent, which shares are counted in.
const Whole = 10000

// Pool is what is divided.
type Pool struct {
	Name    string
	Servers map[string]string // by the names that scripts use: the proxy's own
}

// Asked returns the shares that a split or a switch asks for, by the proxy's names of
// servers. They add up to Whole; those that take nothing are not in it. now are the
// weights in force, whose proportions a split may keep; backend is its name, for errors.
func (p Pool) Asked(backend string, req plugins.Request, now map[string]int) (map[string]int, error) {
	shares := map[string]float64{}
	switch req.Op {
	case "switch":
		to, _ := req.Args["to"].(string)
		shares[to] = 100
	case "split":
		shares = traffic.Named(req.Args)
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the %s backend has no write called %q", backend, req.Op).WithHint("it has split and switch")
	}
	names := slices.Sorted(maps.Keys(shares))
	for _, name := range names {
		if p.Servers[name] == "" {
			return nil, p.noServer(name)
		}
	}
	if req.Op == "split" && traffic.Keeps(req.Args) {
		return p.keeping(shares, now)
	}
	out, left, largest := map[string]int{}, Whole, ""
	for _, name := range names {
		real, share := p.Servers[name], int(math.Round(shares[name]*Whole/100))
		if shares[name] == 0 {
			continue
		}
		if share == 0 {
			return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be given %.4g%%: shares are kept in hundredths of a percent", name, shares[name]).
				WithHint("the smallest share is 0.01%%")
		}
		out[real] = share
		if left -= share; share > out[largest] {
			largest = real
		}
	}
	if largest == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "no server of pool %s would take any request", p.Name).WithHint("the shares have to add up to 100")
	}
	out[largest] += left // what rounding left
	return out, nil
}

// keeping returns the shares of a split that keeps what it does not name, which may be
// servers that the configuration does not name either.
func (p Pool) keeping(shares map[string]float64, now map[string]int) (map[string]int, error) {
	k := traffic.Kept{Pool: "pool " + p.Name, Named: map[string]float64{}, Others: maps.Clone(now)}
	for name, share := range shares {
		k.Named[p.Servers[name]] = share
		delete(k.Others, p.Servers[name])
	}
	out, err := k.Shares(Whole)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(out, func(_ string, share int) bool { return share == 0 })
	return out, nil
}

func (p Pool) noServer(name string) error {
	known := slices.Sorted(maps.Keys(p.Servers))
	return effect.Errorf(effect.CodeNotFound, "pool %s has no server %q", p.Name, name).
		WithHint("%s", effect.Among("its servers are ", name, known))
}
