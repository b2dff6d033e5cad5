package stdlib

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// freshTTL is what new record sets get, and for how long resolvers keep that
// there is none: seconds.
const freshTTL = 300.0

// dnsModel is an authoritative server and the resolvers that ask it. A
// resolver is taken to have asked just before each change: it sees the old
// values until their time to live has passed.
//
//	dns = {
//	  records   = { { name = "www.example.org", type = "A", values = { "192.0.2.1" }, ttl = "5m" } },
//	  resolvers = { ["192.0.2.53"] = { delay = "30s" }, ["198.51.100.53"] = { stuck = true } },
//	}
//
// State: { zones = { ["example.org"] = { ["www.example.org A"] = { values,
// ttl } } }, resolvers = { ["192.0.2.53"] = { ["www.example.org A"] = values
// } }, assumed = true }.
type dnsModel struct {
	sets      map[string]*recordHistory // by "name type"
	resolvers map[string]map[string]any // what the scenario says; never changed in place
	declared  bool                      // a scenario or a real read told the records
	assumed   bool                      // some set is taken from what a call expected
}

// recordHistory is a record set over time, oldest first, never empty.
type recordHistory struct {
	zone     string
	versions []recordVersion // never changed in place
}

// recordVersion is what a set held from a moment on; without values it did not
// exist.
type recordVersion struct {
	at     time.Time // zero for what was there at the start
	values []string  // sorted
	ttl    float64
}

func newDNSModel() *dnsModel {
	return &dnsModel{sets: map[string]*recordHistory{}, resolvers: map[string]map[string]any{}}
}

// Load implements effect.Model.
func (d *dnsModel) Load(state map[string]any) error {
	set := append(recordSet(), needTexts("values", "all values of the set"),
		effect.Field{Name: "ttl", Type: effect.Duration, Default: freshTTL, Doc: "its time to live"})
	s, err := loadState([]effect.Field{
		objects("records", "the record sets at the start", set...),
		{Name: "resolvers", Type: effect.Map, Doc: "resolvers that differ", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			field("delay", effect.Duration, "how much longer than the time to live it keeps what it knows"),
			field("stuck", effect.Bool, "whether it keeps it for ever")}}},
	}, nil, state)
	if err != nil {
		return err
	}
	if sets, ok := s["records"].([]any); ok {
		d.declared = true
		for _, v := range sets {
			r := v.(map[string]any)
			d.sets[setKey(r)] = &recordHistory{zoneOf(r), []recordVersion{{values: canonical(r["values"]), ttl: num(r, "ttl")}}}
		}
	}
	resolvers := table(s, "resolvers")
	for name := range resolvers {
		d.resolvers[name] = table(resolvers, name)
	}
	return nil
}

// Do implements effect.Model.
func (d *dnsModel) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	key := setKey(args)
	now := recordVersion{ttl: freshTTL}
	h := d.sets[key]
	if h != nil {
		now = h.versions[len(h.versions)-1]
	}
	known := h != nil || d.declared
	switch op {
	case "records":
		if !known {
			return nil, cannotTell("dns = { records = { { name = \""+str(args, "name")+"\", type = \""+str(args, "type")+"\", values = { … } } } }",
				"nothing is known of %s", key)
		}
		if resolver := str(args, "resolver"); resolver != "" && h != nil {
			d.ask(resolver)
			now = h.seenBy(d.resolvers[resolver], m.Now)
		}
		return map[string]any{"values": toAny(now.values), "ttl": now.ttl}, nil
	case "set":
		return d.write(m, args, now.values, canonical(args["values"])), nil
	case "replace":
		if err := d.expect(key, known, now.values, args["from"]); err != nil {
			return nil, err
		}
		return d.write(m, args, canonical(args["from"]), canonical(args["to"])), nil
	case "delete":
		if args["values"] != nil {
			if err := d.expect(key, known, now.values, args["values"]); err != nil {
				return nil, err
			}
			return pick(d.write(m, args, canonical(args["values"]), nil), "previous"), nil
		}
		return pick(d.write(m, args, now.values, nil), "previous"), nil
	}
	return nil, noOp("dns", op)
}

// expect is the comparison of compare-and-swap. A set of which nothing is
// known is taken to hold what is expected.
func (d *dnsModel) expect(key string, known bool, holds []string, from any) *effect.Error {
	if want := canonical(from); known && !slices.Equal(holds, want) {
		return effect.Errorf(effect.CodeConflict, "%s holds %s, expected was %s; nothing changed", key, orNothing(holds), strings.Join(want, ", ")).
			WithHint("somebody changed it: read it with dns.records, find out who and why, then try again with what it holds")
	}
	return nil
}

// write gives a set new values; none remove it.
func (d *dnsModel) write(m effect.Moment, args map[string]any, before, after []string) map[string]any {
	key := setKey(args)
	old := d.sets[key]
	if old == nil {
		old = &recordHistory{zoneOf(args), []recordVersion{{values: before, ttl: freshTTL}}}
		d.assumed = d.assumed || !d.declared
	}
	last := old.versions[len(old.versions)-1]
	next := recordVersion{m.Now, after, last.ttl}
	if ttl, ok := args["ttl"].(float64); ok {
		next.ttl = ttl
	}
	h := &recordHistory{old.zone, old.versions}
	if !slices.Equal(last.values, next.values) || last.ttl != next.ttl {
		h.versions = append(slices.Clip(h.versions), next)
	}
	d.sets[key] = h
	return map[string]any{"values": toAny(after), "ttl": next.ttl, "previous": toAny(before)}
}

// ask notes that a resolver is looked at, so that State shows it.
func (d *dnsModel) ask(resolver string) {
	if d.resolvers[resolver] == nil {
		d.resolvers[resolver] = map[string]any{}
	}
}

// seenBy returns what a resolver sees that asked just before each change.
func (h *recordHistory) seenBy(resolver map[string]any, now time.Time) recordVersion {
	held, current := 0, 0 // indexes of versions
	if resolver["stuck"] == true {
		return h.versions[held]
	}
	var until time.Time // when it asks again
	for i, v := range h.versions {
		if i == 0 || v.at.After(now) {
			continue
		}
		if !until.IsZero() && !v.at.Before(until) {
			held = i - 1 // it asked again before this change
		}
		if held == i-1 {
			until = v.at.Add(effect.Seconds(h.versions[held].ttl + num(resolver, "delay")))
		}
		current = i
	}
	if !now.Before(until) {
		held = current
	}
	return h.versions[held]
}

// State implements effect.Model.
func (d *dnsModel) State(m effect.Moment) map[string]any {
	zones, seen := map[string]any{}, map[string]any{}
	for key, h := range d.sets {
		v := h.versions[len(h.versions)-1]
		if len(v.values) == 0 {
			continue
		}
		zone := table(zones, h.zone)
		zone[key] = map[string]any{"values": toAny(v.values), "ttl": v.ttl}
		zones[h.zone] = zone
	}
	for name, r := range d.resolvers {
		sees := map[string]any{}
		for key, h := range d.sets {
			sees[key] = toAny(h.seenBy(r, m.Now).values)
		}
		seen[name] = sees
	}
	out := map[string]any{"zones": zones}
	if len(seen) > 0 {
		out["resolvers"] = seen
	}
	if d.assumed {
		out["assumed"] = true
	}
	return out
}

// Clone implements effect.Model. Histories are replaced, not changed.
func (d *dnsModel) Clone() effect.Model {
	c := *d
	c.sets, c.resolvers = maps.Clone(d.sets), maps.Clone(d.resolvers)
	return &c
}

// Needs implements effect.Learner.
func (d *dnsModel) Needs(_ effect.Moment, _ string, args map[string]any) []effect.Reading {
	if d.sets[setKey(args)] != nil {
		return nil
	}
	return []effect.Reading{{Op: "records", Args: pick(args, "name", "type", "zone")}}
}

// Learn implements effect.Learner.
func (d *dnsModel) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	ttl, ok := got["ttl"].(float64)
	if !ok {
		ttl = freshTTL
	}
	d.sets[setKey(r.Args)] = &recordHistory{zoneOf(r.Args), []recordVersion{{values: canonical(got["values"]), ttl: ttl}}}
	return nil
}

// Assumes reports whether what the op tells rests on a set that nobody
// declared.
func (d *dnsModel) Assumes(_ string, args map[string]any) bool {
	return d.assumed || !d.declared && d.sets[setKey(args)] == nil
}

// setKey names a record set: "www.example.org A".
func setKey(args map[string]any) string {
	return host(str(args, "name")) + " " + str(args, "type")
}

// zoneOf returns the zone of a record set: the one that is named, or the last
// two labels of its name.
func zoneOf(args map[string]any) string {
	if zone := str(args, "zone"); zone != "" {
		return host(zone)
	}
	labels := strings.Split(host(str(args, "name")), ".")
	return strings.Join(labels[max(len(labels)-2, 0):], ".")
}

// host returns a name in lower case, without the dot at its end.
func host(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// canonical returns the sorted values of a set.
func canonical(values any) []string { return sorted(list(values)) }
