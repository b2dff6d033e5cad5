package haproxy

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// tolerance is how many percent points a weight may miss its share by.
const tolerance = 0.5

// division gives every server of a pool but the backups a weight.
type division struct {
	weights map[string]int  // by HAProxy's name; 0 if absent
	kept    map[string]bool // by HAProxy's name, the servers that were not named and keep their proportions
}

// newDivision turns shares, by the names that scripts use, into weights. With keeps
// those that are not named share the rest as they do now.
func newDivision(p *pool, shares map[string]float64, scale float64, keeps bool) (*division, error) {
	d := &division{weights: map[string]int{}}
	total := 0
	for _, name := range sortedKeys(shares) {
		servers, err := p.find(name)
		if err != nil {
			return nil, err
		}
		w := int(math.Round(shares[name] / 100 * scale))
		for _, s := range servers {
			if shares[name] > 0 && s.backup {
				return nil, effect.Errorf(effect.CodeConflict, "server %s of pool %s is a backup: it takes requests only when all others are down",
					s.label(), p.name).WithHint("take `backup` off its line in haproxy.cfg, or leave it out of the split")
			}
		}
		spread(d.weights, servers, w)
		total += w
	}
	if keeps {
		return d, d.keep(p, shares, scale)
	}
	if total == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "no server of pool %s would take any request", p.name).
			WithHint("the shares have to add up to 100")
	}
	for _, name := range sortedKeys(shares) {
		servers, _ := p.find(name)
		got := 100 * float64(d.of(servers)) / float64(total)
		if math.Abs(got-shares[name]) > tolerance || (shares[name] > 0) != (got > 0) {
			e := effect.Errorf(effect.CodeInvalid, "%s cannot be given %s: weights are whole numbers, and out of a total of %v the nearest gives %s",
				name, percent(shares[name]), scale, percent(got))
			if scale < maxWeight {
				return nil, e.WithHint("set `scale: %d` in the configuration of the backend, or ask for whole percents", maxWeight)
			}
			return nil, e.WithHint("the smallest share is %s", percent(100.0/maxWeight))
		}
	}
	return d, nil
}

// keep sets the weights of a split that keeps what it does not name. They are
// reckoned by the weights that the pool has: applied to what it leads to, it changes
// nothing.
func (d *division) keep(p *pool, shares map[string]float64, scale float64) error {
	k := traffic.Kept{Pool: "pool " + p.name, Named: shares, Others: map[string]int{}, Out: map[string]bool{}}
	path := func(s *server) string { return p.name + "/" + s.real } // which is no script's name of another
	most := map[string]int{}                                        // by the name that scripts use: how many servers share the weight
	d.kept = map[string]bool{}
	for _, s := range p.servers {
		if _, named := shares[s.name]; named {
			most[s.name]++
		} else if !s.backup {
			k.Others[path(s)], k.Out[path(s)], d.kept[s.real] = s.weight, !s.enabled(), true
		}
	}
	weights, e := k.Weights(int(scale), most)
	if e != nil {
		return e
	}
	for name := range shares {
		servers, _ := p.find(name)
		spread(d.weights, servers, weights[name])
	}
	for _, s := range p.servers {
		if d.kept[s.real] {
			d.weights[s.real] = weights[path(s)]
		}
	}
	return nil
}

// of returns the weight of servers together.
func (d *division) of(servers []*server) int {
	sum := 0
	for _, s := range servers {
		sum += d.weights[s.real]
	}
	return sum
}

func (d *division) missing(p *pool) string {
	var diff []string
	for _, s := range p.servers {
		if want := d.weights[s.real]; !s.backup && s.weight != want {
			diff = append(diff, fmt.Sprintf("%s has weight %d, asked was %d", s.label(), s.weight, want))
		}
	}
	return strings.Join(diff, ", ")
}

func (d *division) allowed(p *pool) error {
	if p.algorithm == "first" && d.taking() > 1 {
		return effect.Errorf(effect.CodeRefused, "pool %s has `balance first`, which fills one server after the other whatever their weights; nothing changed", p.name).
			WithHint("a weight of 0 alone counts there (traffic.switch); for shares " + weighing)
	}
	left := d.kept == nil
	var down *server // which may come up: said only if nothing worse is to be said
	for _, s := range p.servers {
		status := s.status()
		if d.kept[s.real] {
			left = left || d.weights[s.real] > 0 && status == "up"
			continue
		}
		if d.weights[s.real] == 0 || status == "up" || d.another(p, s) {
			continue
		}
		if status != "down" {
			return d.refused(p, s).WithHint("a weight does not bring it back: call traffic.ready { server = %q } first", s.name)
		}
		if down == nil {
			down = s
		}
	}
	if down == nil && !left {
		e := effect.Errorf(effect.CodeConflict, "none of the servers of pool %s that are to keep their share is up; nothing changed", p.name)
		e.Retryable = true
		return e.WithHint("the servers named would take everything, or nobody would: wait until traffic.servers {} calls one of the others up")
	}
	if down == nil {
		return nil
	}
	e := d.refused(p, down)
	e.Retryable = true // it may be a check or two away from up
	return e.WithHint("HAProxy's own health check fails: check the server, and wait until traffic.servers {} calls it up")
}

// another reports whether another server of the group is up, and takes what this one
// does not.
func (d *division) another(p *pool, s *server) bool {
	if !s.grouped {
		return false
	}
	group, _ := p.find(s.name)
	return slices.ContainsFunc(group, func(o *server) bool { return d.weights[o.real] > 0 && o.status() == "up" })
}

// taking returns how many servers are to take requests.
func (d *division) taking() int {
	n := 0
	for _, w := range d.weights {
		if w > 0 {
			n++
		}
	}
	return n
}

func (d *division) refused(p *pool, s *server) *effect.Error {
	return effect.Errorf(effect.CodeConflict, "server %s of pool %s is to take traffic, and HAProxy sees it as %s; nothing changed",
		s.label(), p.name, s.status())
}

func (d *division) commands(p *pool) []string {
	var changed []*server
	for _, s := range p.servers {
		if !s.backup && s.weight != d.weights[s.real] {
			changed = append(changed, s)
		}
	}
	growth := func(s *server) int { return d.weights[s.real] - s.weight }
	sort.SliceStable(changed, func(i, j int) bool { return growth(changed[i]) > growth(changed[j]) })
	list := make([]string, len(changed))
	for i, s := range changed {
		list[i] = fmt.Sprintf("set weight %s/%s %d", p.name, s.real, d.weights[s.real])
	}
	if d.kept != nil && len(list) > 1 { // one line, all or nothing: of a part of it nobody could tell the proportions of before
		list = []string{strings.Join(list, "; ")}
	}
	return list
}

// counts returns the weight of a server as far as it counts when all are healthy.
func (d *division) counts(s *server) int {
	if s.backup || d.kept[s.real] && !s.enabled() {
		return 0
	}
	return d.weights[s.real]
}

func (d *division) change(p *pool) effect.Prediction {
	total := 0
	for _, s := range p.servers {
		total += d.counts(s)
	}
	var from, to []string
	for _, name := range p.names() {
		servers, _ := p.find(name)
		if servers[0].backup {
			continue
		}
		share, weight := 0.0, 0
		for _, s := range servers {
			share += p.share(s)
			weight += d.counts(s)
		}
		from = append(from, name+" "+percent(share))
		to = append(to, name+" "+percent(100*float64(weight)/float64(total)))
	}
	return effect.Prediction{Target: "pool " + p.name, From: strings.Join(from, ", "), To: strings.Join(to, ", ")}
}

// percent prints a share: "10%", "33.33%".
func percent(share float64) string { return fmt.Sprintf("%.4g%%", share) }
