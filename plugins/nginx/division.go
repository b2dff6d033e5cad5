package nginx

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// whole is 100% in what split_clients counts in.
const whole = 10000

// division gives servers, by nginx's names, their hundredths of a percent. Those
// that take nothing are not in it.
type division struct {
	pool   *pool
	shares map[string]int
}

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
		return division{}, effect.Errorf(effect.CodeUnsupported, "the nginx backend has no write called %q", req.Op).WithHint("it has split and switch")
	}
	d := division{p, map[string]int{}}
	names := slices.Sorted(maps.Keys(shares))
	for _, name := range names {
		if p.servers[name] == "" {
			return d, p.noServer(name)
		}
	}
	left, largest := whole, ""
	for _, name := range names {
		real := p.servers[name]
		share := int(math.Round(shares[name] * whole / 100))
		if shares[name] == 0 {
			continue
		}
		if share == 0 {
			return d, effect.Errorf(effect.CodeInvalid, "%s cannot be given %.4g%%: split_clients counts in hundredths of a percent", name, shares[name]).
				WithHint("the smallest share is 0.01%%")
		}
		d.shares[real] = share
		if left -= share; share > d.shares[largest] {
			largest = real
		}
	}
	if largest == "" {
		return d, effect.Errorf(effect.CodeInvalid, "no server of pool %s would take any request", p.name).WithHint("the shares have to add up to 100")
	}
	d.shares[largest] += left // what rounding left
	return d, nil
}

func (p *pool) noServer(name string) error {
	known := slices.Sorted(maps.Keys(p.servers))
	hint := "its servers are " + strings.Join(known, ", ")
	if near := effect.DidYouMean(name, known); near != "" {
		hint = near + " " + hint
	}
	return effect.Errorf(effect.CodeNotFound, "pool %s has no server %q", p.name, name).WithHint("%s", hint)
}

// inOrder returns nginx's names of the servers that take something, by the names
// that scripts use: a share that grows keeps whom it has where nothing else moves.
func (d division) inOrder() []string {
	var list []string
	for _, alias := range slices.Sorted(maps.Keys(d.pool.servers)) {
		if real := d.pool.servers[alias]; d.shares[real] > 0 {
			list = append(list, real)
		}
	}
	return list
}

// digest tells one division from all others: the pool's decider counts, too.
func (d division) digest() string {
	text := d.pool.by
	for _, real := range d.inOrder() {
		text += "\n" + real + " " + strconv.Itoa(d.shares[real])
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// text returns the file of the division.
func (d division) text() string {
	servers := d.inOrder()
	var split, said strings.Builder
	for i, real := range servers {
		share := hundredths(d.shares[real])
		fmt.Fprintf(&said, " %s=%s", real, share)
		if share += "%"; i == len(servers)-1 {
			share = "*" // the rest, to the last hundredth
		}
		fmt.Fprintf(&split, "    %-7s %s;\n", share, real)
	}
	return fmt.Sprintf("# Written by runbook: traffic.split of the pool %[1]s changes it.\n"+
		"split_clients \"%[2]s\" $runbook_%[1]s {\n%[3]s}\n"+
		"map \"\" $runbook_%[1]s_status {\n    default \"runbook pool=%[1]s pid=$pid digest=%[4]s%[5]s\";\n}\n",
		d.pool.name, d.pool.by, split.String(), d.digest(), said.String())
}

func hundredths(share int) string { return strconv.FormatFloat(float64(share)*100/whole, 'f', -1, 64) }

// percents returns shares in the form of the contract, by the names that scripts
// use. An upstream that the configuration does not name keeps nginx's name.
func (p *pool) percents(shares map[string]int) map[string]any {
	out := map[string]any{}
	left := maps.Clone(shares)
	for alias, real := range p.servers {
		out[alias] = float64(shares[real]) * 100 / whole
		delete(left, real)
	}
	for real, share := range left {
		out[real] = float64(share) * 100 / whole
	}
	return out
}

// show prints shares for people: "blue 90%, green 10%".
func (p *pool) show(shares map[string]int) string {
	percents := p.percents(shares)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(percents)) {
		list = append(list, fmt.Sprintf("%s %.4g%%", name, percents[name]))
	}
	return strings.Join(list, ", ")
}
