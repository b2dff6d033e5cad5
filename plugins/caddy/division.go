package caddy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/portion"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// division gives upstreams, by their addresses, weights without a common divisor.
// Those that take nothing are not in it.
type division map[string]int

// divisionFor returns what a request asks for.
func (r *reading) divisionFor(req plugins.Request) (division, error) {
	p := r.pool
	now, known := r.handler.division()
	if !known && traffic.Keeps(req.Args) {
		return nil, r.fixed()
	}
	shares, err := portion.Pool{Name: p.name, Servers: p.servers}.Asked("caddy", req, now)
	return division(shares).reduced(), err
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
