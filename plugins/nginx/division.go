package nginx

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/portion"
)

// division gives servers, by nginx's names, their hundredths of a percent. Those
// that take nothing are not in it.
type division struct {
	pool   *pool
	shares map[string]int
}

// divisionFor returns what a request asks for. What it keeps is what nginx serves: a
// file that is not in force may be left of a runner that was killed.
func (r *reading) divisionFor(req plugins.Request) (division, error) {
	p := r.pool
	shares, err := portion.Pool{Name: p.name, Servers: p.servers}.Asked("nginx", req, r.served.shares)
	return division{p, shares}, err
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

func hundredths(share int) string {
	return strconv.FormatFloat(float64(share)*100/portion.Whole, 'f', -1, 64)
}

// percents returns shares in the form of the contract, by the names that scripts
// use. An upstream that the configuration does not name keeps nginx's name.
func (p *pool) percents(shares map[string]int) map[string]any {
	out := map[string]any{}
	left := maps.Clone(shares)
	for alias, real := range p.servers {
		out[alias] = float64(shares[real]) * 100 / portion.Whole
		delete(left, real)
	}
	for real, share := range left {
		out[real] = float64(share) * 100 / portion.Whole
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
