package traffic

import (
	"math"
	"sort"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// foreign is what somebody else sets of a pool at some time.
type foreign struct {
	at     time.Duration // since the simulation began
	shares map[string]float64
}

// foreignField is how a scenario says it.
func foreignField() effect.Field {
	return effect.Field{Name: "changes", Type: effect.List, Doc: "what somebody else sets, at times since the start: { at = \"10m\", weights = { blue = 100 } }",
		Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "at", Type: effect.Duration, Required: true, Doc: "when"},
			{Name: "weights", Type: effect.Map, Required: true, Elem: &effect.Field{Type: effect.Percent, Min: effect.Bound(0), Max: effect.Bound(100)},
				Doc: "the share of each server; who is not named takes none"},
		}}}
}

// loadForeign takes a scenario's changes in the order of time.
func (p *pool) loadForeign(list []any) {
	p.foreign, p.met = nil, 0
	for _, e := range list {
		c, _ := e.(map[string]any)
		f := foreign{at: effect.Seconds(plain.Num(c, "at")), shares: map[string]float64{}}
		for name, share := range plain.Table(c, "weights") {
			f.shares[name], _ = share.(float64)
		}
		p.foreign = append(p.foreign, f)
	}
	sort.SliceStable(p.foreign, func(i, j int) bool { return p.foreign[i].at < p.foreign[j].at })
}

// meet lets what others have set by now be so.
func (p *pool) meet(m effect.Moment) {
	for p.met < len(p.foreign) && m.Now.Sub(m.Start) >= p.foreign[p.met].at {
		f := p.foreign[p.met]
		p.met++
		before := p.configured()
		for name, s := range p.servers {
			if !s.backup {
				s.weight = p.weightOf(f.shares[name])
			}
		}
		for name, is := range p.configured() {
			was, _ := before[name].(float64)
			p.drifted = p.drifted || math.Abs(is.(float64)-was) > setTolerance
		}
	}
}

// blank reports whether nothing is known of the servers.
func (p *pool) blank() bool { return p.assumed && len(p.servers) == 0 }
