package caddy

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// whole is 100% in hundredths of a percent, which shares are kept in.
const whole = 10000

// division gives upstreams, by their addresses, weights without a common divisor.
// Those that take nothing are not in it.
type division map[string]int

// divisionFor returns what a request asks for.
func divisionFor(p *pool, req plugins.Request) (division, error) {
	shares := map[string]float64{}
	switch req.Op {
	case "switch":
		to, _ := req.Args["to"].(string)
		shares[to] = 100
	case "split":
		for name, v := range req.Args {
			if share, ok := v.(float64); ok && name != "pool" {
				shares[name] = share
			}
		}
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the caddy backend has no write called %q", req.Op).WithHint("it has split and switch")
	}
	names := slices.Sorted(maps.Keys(shares))
	for _, name := range names {
		if p.servers[name] == "" {
			return nil, p.noServer(name)
		}
	}
	d, left, largest := division{}, whole, ""
	for _, name := range names {
		dial, share := p.servers[name], int(math.Round(shares[name]*whole/100))
		if shares[name] == 0 {
			continue
		}
		if share == 0 {
			return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be given %.4g%%: shares are kept in hundredths of a percent", name, shares[name]).
				WithHint("the smallest share is 0.01%%")
		}
		d[dial] = share
		if left -= share; share > d[largest] {
			largest = dial
		}
	}
	if largest == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "no server of pool %s would take any request", p.name).WithHint("the shares have to add up to 100")
	}
	d[largest] += left // what rounding left
	return d.reduced(), nil
}

// reduced returns the same division by the smallest weights.
func (d division) reduced() division {
	common := 0
	for _, w := range d {
		for a := w; a != 0; {
			common, a = a, common%a
		}
	}
	out := division{}
	for dial, w := range d {
		if w > 0 {
			out[dial] = w / common
		}
	}
	return out
}

// percents returns shares in the form of the contract, by the names that scripts
// use. An upstream that the configuration does not name keeps its address.
func (p *pool) percents(d division) map[string]any {
	total := 0
	for _, w := range d {
		total += w
	}
	out, left := map[string]any{}, maps.Clone(d)
	for alias, dial := range p.servers {
		out[alias] = 0.0
		if total > 0 {
			out[alias] = float64(d[dial]) * 100 / float64(total)
		}
		delete(left, dial)
	}
	for dial, w := range left {
		out[dial] = float64(w) * 100 / float64(total)
	}
	return out
}

// show prints a division for people: "blue 90%, green 10%".
func (p *pool) show(d division) string {
	percents := p.percents(d)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(percents)) {
		list = append(list, fmt.Sprintf("%s %.4g%%", name, percents[name]))
	}
	return strings.Join(list, ", ")
}
