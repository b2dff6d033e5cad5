package traffic

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Percent points by which shares may differ without a word: what is set is
// rounded to whole weights, and what is taken follows in steps.
const (
	setTolerance   = 0.5
	takenTolerance = 1
)

// division is what a run has set of a pool.
type division struct {
	shares map[string]float64 // as they would be if no server were out
	out    map[string]bool    // the servers that the run has drained
	hidden map[string]bool    // the servers whose share is not known: they were out when the shares were told
}

// desired declares that a pool has to stay as the run divides it.
func desired() *effect.Desired {
	return &effect.Desired{Reads: []string{"servers", "weights"}, Subject: subject, Set: setDivision, Compare: deviation, Levels: levels}
}

func subject(args map[string]any) map[string]any { return plain.Pick(args, "pool") }

// setDivision returns the division after a write.
func setDivision(before any, op string, args map[string]any, result any) any {
	d, known := before.(division)
	next := division{maps.Clone(d.shares), map[string]bool{}, map[string]bool{}}
	maps.Copy(next.out, d.out)
	maps.Copy(next.hidden, d.hidden)
	said := sharesOf(result, "configured")
	server := plain.Str(args, "server")
	switch op {
	case "split", "switch":
		next.hidden = map[string]bool{}
		switch {
		case len(said) == 0: // an operator's word has no result
			next.shares = asked(op, args)
			if Keeps(args) {
				next.keep(d.shares)
			}
		case Keeps(args): // who is out keeps a weight, which nobody told
			next.take(said)
			for name := range asked(op, args) {
				delete(next.hidden, name)
			}
		default:
			next.shares = said
		}
	case "drain":
		next.out[server] = true
		if !known {
			next.take(said)
		}
	case "ready":
		delete(next.out, server)
		switch {
		case !known:
			next.take(said)
		case next.hidden[server]:
			next.uncover(server, said)
		}
	}
	if len(next.shares) == 0 {
		return nil
	}
	return next
}

// take takes the shares that the proxy said. Who has none may be out, whoever
// took it out.
func (d *division) take(said map[string]float64) {
	d.shares, d.hidden = said, map[string]bool{}
	for name, share := range said {
		d.hidden[name] = share == 0
	}
}

// keep lets those that a split does not name share what it leaves, as they did
// before. Where that is not known, nothing is.
func (d *division) keep(before map[string]float64) {
	left, total := 100.0, 0.0
	for _, share := range d.shares {
		left -= share
	}
	for name, share := range before {
		if _, named := d.shares[name]; !named {
			total += share
		}
	}
	if total == 0 {
		d.shares = nil
		return
	}
	for name, share := range before {
		if _, named := d.shares[name]; !named {
			d.shares[name] = left * share / total
		}
	}
}

// uncover takes the share of a server that is ready again from what the proxy
// said, which tells it as a part of those that are in; those that are still out
// keep theirs.
func (d *division) uncover(server string, said map[string]float64) {
	total, part := 0.0, 0.0
	for name, share := range d.shares {
		if !d.out[name] && !d.hidden[name] {
			total, part = total+share, part+said[name]
		}
	}
	if total == 0 || part == 0 { // nobody to compare it with
		d.take(said)
		return
	}
	d.shares[server] = said[server] * total / part
	d.hidden[server] = said[server] == 0
}

// asked returns the shares that a split or switch names.
func asked(op string, args map[string]any) map[string]float64 {
	if op == "switch" {
		return map[string]float64{plain.Str(args, "to"): 100}
	}
	return Named(args)
}

// sharesOf reads a map of shares out of the result of an op.
func sharesOf(result any, key string) map[string]float64 {
	r, _ := result.(map[string]any)
	out := map[string]float64{}
	for name, v := range plain.Table(r, key) {
		if share, ok := v.(float64); ok {
			out[name] = share
		}
	}
	return out
}

// expected returns the share that each server is to have, those that are out
// taken away.
func (d division) expected() map[string]float64 {
	total := 0.0
	for name, share := range d.shares {
		if !d.out[name] {
			total += share
		}
	}
	out := map[string]float64{}
	for name, share := range d.shares {
		if out[name] = 0; !d.out[name] && total > 0 {
			out[name] = 100 * share / total
		}
	}
	return out
}

// server as a read tells of it.
type seenServer struct {
	set, taken float64
	told       bool   // set was
	why        string // it takes what it takes
}

// seenServers reads what an op returned.
func seenServers(op string, result any) map[string]seenServer {
	out := map[string]seenServer{}
	if op != "servers" {
		set := sharesOf(result, "configured")
		for name, share := range sharesOf(result, "weights") {
			s, told := set[name]
			out[name] = seenServer{set: s, taken: share, told: told}
		}
		return out
	}
	r, _ := result.(map[string]any)
	list, _ := r["servers"].([]any)
	for _, e := range list {
		e, _ := e.(map[string]any)
		s := seenServer{taken: plain.Num(e, "weight"), why: plain.Str(e, "note")}
		s.set, s.told = e["configured"].(float64)
		if status := plain.Str(e, "status"); status != "up" {
			s.why = strings.TrimSuffix(status+"; "+s.why, "; ")
		}
		out[plain.Str(e, "name")] = s
	}
	return out
}

// levels returns the shares of the servers, by name: what is set and what they
// take.
func levels(op string, args map[string]any, result any) []effect.Level {
	seen := seenServers(op, result)
	if len(seen) == 0 && (op == "split" || op == "switch") { // an operator's word has no result
		for name, share := range asked(op, args) {
			seen[name] = seenServer{set: share, taken: math.NaN(), told: true}
		}
	}
	var list []effect.Level
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		s := seen[name]
		l := effect.Level{Name: name, Unit: "%"}
		if s.told {
			l.Set = &s.set
		}
		if !math.IsNaN(s.taken) {
			l.Seen = &s.taken
		}
		list = append(list, l)
	}
	return list
}

// deviation compares a division with what an op returned.
func deviation(want any, op string, args map[string]any, result any) (d effect.Deviation) {
	set, ok := want.(division)
	seen := seenServers(op, result)
	if !ok || len(seen) == 0 {
		return d
	}
	expected := set.expected()
	names := slices.Collect(maps.Keys(seen))
	for name := range expected {
		if _, there := seen[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	drifted := false
	var were, are, short []string
	for _, name := range names {
		s, there := seen[name]
		want := expected[name]
		now := percent(s.set)
		if !there {
			now = "gone"
		}
		if s.why != "" && s.told && math.Abs(s.set-want) > setTolerance {
			now += " (" + s.why + ")"
		}
		drifted = drifted || s.told && math.Abs(s.set-want) > setTolerance || !there && want > 0
		were, are = append(were, name+" "+percent(want)), append(are, name+" "+now)
		if want-s.taken > takenTolerance || want > 0 && s.taken == 0 {
			text := fmt.Sprintf("%s takes %s, set were %s", name, percent(s.taken), percent(want))
			if s.why != "" {
				text += " (" + s.why + ")"
			}
			short = append(short, text)
		}
	}
	var parts []string
	if drifted {
		parts = append(parts, fmt.Sprintf("set were %s; now %s", strings.Join(were, ", "), strings.Join(are, ", ")))
	}
	r, _ := result.(map[string]any)
	if own := plain.Str(r, effect.DriftField); own != "" {
		parts = append(parts, own)
	}
	pool := poolLabel(plain.Str(args, "pool"))
	switch {
	case len(parts) > 0:
		d.Drift = pool + ": " + strings.Join(parts, "; ")
	case len(short) > 0:
		d.Unsettled = pool + ": " + strings.Join(short, ", ")
	}
	return d
}

func percent(share float64) string { return fmt.Sprintf("%.4g%%", share) }
