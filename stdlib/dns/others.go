package dns

import (
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// changedMeanwhile is the module's fault kind: somebody else, or another
// program, works on the zone beside the run.
const changedMeanwhile = "changed-meanwhile"

// meanwhile is how long after the read somebody else changes what was read. A
// run that acts on what it read within this time is not disturbed.
const meanwhile = time.Minute

func faults() []effect.FaultKind {
	return []effect.FaultKind{{Name: changedMeanwhile, Ops: []string{"records"},
		Doc: "A minute after the read somebody else changes what was read, unless the run has changed it by then"}}
}

// other is what somebody else does to a record set.
type other struct {
	at    time.Time // when; zero before the read that it follows has been made
	stage string    // "" before it is done, then as State shows it
}

// What State shows of a set that somebody else changed: whether the run has
// looked at it since, or changed it without looking.
const (
	changedUnseen = "changed"
	changedSeen   = "seen"
	overwritten   = "overwritten"
)

// Break implements effect.Breaker. No part is bad afterwards: what is wrong is
// what the run takes for true. What the run has changed itself, it reads only
// to see that it has.
func (d *Model) Break(_, _ string, args map[string]any) string {
	h := d.sets[setKey(args)]
	resolver := plain.Str(args, "resolver")
	if h != nil && len(h.versions) == 1 && (resolver == "" || resolver == authoritative) && len(elsewhere(plain.Str(args, "type"))) > 0 {
		d.others[setKey(args)] = other{}
	}
	return ""
}

// elsewhere is what somebody else sets: values that no run would; nothing for
// types of which there are none.
func elsewhere(kind string) []string {
	switch kind {
	case "A":
		return []string{"203.0.113.99"}
	case "AAAA":
		return []string{"2001:db8::99"}
	case "CNAME":
		return []string{"elsewhere.invalid"}
	}
	return nil
}

// look notes that the run reads a set.
func (d *Model) look(m effect.Moment, key string) {
	o, set := d.others[key]
	switch {
	case !set:
		return
	case o.stage == "":
		o.at = m.Now.Add(meanwhile)
	case o.stage == changedUnseen:
		o.stage = changedSeen
	}
	d.others[key] = o
}

// meet carries out what others have done by now.
func (d *Model) meet(m effect.Moment) {
	for key, o := range d.others {
		h := d.sets[key]
		if o.stage != "" || o.at.IsZero() || m.Now.Before(o.at) || h == nil {
			continue
		}
		last := h.versions[len(h.versions)-1]
		_, kind, _ := strings.Cut(key, " ")
		d.sets[key] = &recordHistory{h.zone, append(slices.Clip(h.versions), recordVersion{o.at, elsewhere(kind), last.ttl})}
		d.others[key] = other{o.at, changedUnseen}
	}
}

// overwrite notes that the run changes a set.
func (d *Model) overwrite(key string) {
	o, set := d.others[key]
	switch {
	case set && o.stage == "":
		delete(d.others, key) // the run was faster
	case o.stage == changedUnseen:
		o.stage = overwritten
		d.others[key] = o
	}
}

// told returns, for State, the sets that others have changed.
func (d *Model) told() map[string]any {
	out := map[string]any{}
	for key, o := range d.others {
		if o.stage != "" {
			out[key] = o.stage
		}
	}
	return out
}
