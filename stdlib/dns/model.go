package dns

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// freshTTL is what new record sets get, and for how long resolvers keep that
// there is none, in zones that say nothing else: seconds.
const freshTTL = 300.0

// Model is an authoritative server and the resolvers that ask it. A
// resolver is taken to have asked just before each change: it sees the old
// values until their time to live has passed.
//
//	dns = {
//	  records   = { { name = "www.example.org", type = "A", values = { "192.0.2.1" }, ttl = "5m" } },
//	  zones     = { ["example.org"] = { negative_ttl = "1h" } },
//	  resolvers = { ["192.0.2.53"] = { delay = "30s" }, ["198.51.100.53"] = { stuck = true } },
//	}
//
// Where records or zones are declared, there are no zones but theirs.
//
// State: { zones = { ["example.org"] = { ["www.example.org A"] = { values,
// ttl, kept } } }, resolvers = { ["192.0.2.53"] = { ["www.example.org A"] = values
// } }, others = { ["www.example.org A"] = "changed", "seen" or "overwritten" },
// assumed = true }. kept is for how many seconds a resolver may keep values that
// the set had before.
type Model struct {
	sets      map[string]*recordHistory // by "name type"
	zones     map[string]float64        // declared ones: the negative time to live
	resolvers map[string]map[string]any // what the scenario says; never changed in place
	declared  bool                      // a scenario or a real read told the records
	assumed   bool                      // some set is taken from what a call expected
	others    map[string]other          // by set: what somebody else does to it
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

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model {
	return &Model{sets: map[string]*recordHistory{}, zones: map[string]float64{}, resolvers: map[string]map[string]any{}, others: map[string]other{}}
}

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	set := append(recordSet(), field.NeedTexts("values", "all values of the set"),
		effect.Field{Name: "ttl", Type: effect.Duration, Default: freshTTL, Doc: "its time to live"})
	return effect.ScenarioFields{Fields: []effect.Field{
		field.Objects("records", "the record sets at the start", set...),
		{Name: "zones", Type: effect.Map, Doc: "the zones that there are, beside those of the records", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "negative_ttl", Type: effect.Duration, Default: freshTTL, Doc: "how long resolvers keep that there is no such record"}}}},
		{Name: "resolvers", Type: effect.Map, Doc: "resolvers that differ", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			field.Of("delay", effect.Duration, "how much longer than the time to live it keeps what it knows"),
			field.Of("stuck", effect.Bool, "whether it keeps it for ever")}}},
	}}
}

// Load implements effect.Model.
func (d *Model) Load(state map[string]any) error {
	s, err := scenario().Check(state)
	if err != nil {
		return err
	}
	zones := plain.Table(s, "zones")
	for name := range zones {
		d.declared, d.zones[host(name)] = true, plain.Num(plain.Table(zones, name), "negative_ttl")
	}
	if sets, ok := s["records"].([]any); ok {
		d.declared = true
		for i, v := range sets {
			r := v.(map[string]any)
			values, err := CanonicalSet(plain.Str(r, "type"), plain.List(r["values"]))
			if err != nil {
				return &effect.FieldError{Path: fmt.Sprintf("records[%d].values", i+1), Problem: err.Error()}
			}
			zone := d.zoneOf(r)
			if _, known := d.zones[zone]; !known {
				d.zones[zone] = freshTTL
			}
			d.sets[setKey(r)] = &recordHistory{zone, []recordVersion{{values: values, ttl: plain.Num(r, "ttl")}}}
		}
	}
	resolvers := plain.Table(s, "resolvers")
	for name := range resolvers {
		d.resolvers[name] = plain.Table(resolvers, name)
	}
	return nil
}

// Do implements effect.Model.
func (d *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	key, kind := setKey(args), plain.Str(args, "type")
	d.meet(m)
	if err := validate("values", "from", "to")(args); err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "%v", err)
	}
	if _, there := d.zones[d.zoneOf(args)]; d.declared && !there {
		return nil, effect.Errorf(effect.CodeNotFound, "%s is in no zone of this server", host(plain.Str(args, "name"))).
			WithHint("there are %s", strings.Join(plain.SortedNames(d.zones), ", "))
	}
	if zone, name := d.zoneOf(args), host(plain.Str(args, "name")); name != zone && !strings.HasSuffix(name, "."+zone) {
		return nil, effect.Errorf(effect.CodeNotFound, "%s is not in the zone %s", name, zone).WithHint("mend zone, or leave it out: it is found from the name")
	}
	now := recordVersion{ttl: d.negative(args)}
	h := d.sets[key]
	if h != nil {
		if last := h.versions[len(h.versions)-1]; len(last.values) > 0 {
			now = last
		}
	}
	known := h != nil || d.declared
	switch op {
	case "records":
		if !known {
			return nil, model.CannotTell("dns = { records = { { name = \""+plain.Str(args, "name")+"\", type = \""+plain.Str(args, "type")+"\", values = { … } } } }",
				"nothing is known of %s", key)
		}
		if resolver := plain.Str(args, "resolver"); resolver != "" && resolver != authoritative && h != nil {
			d.ask(resolver)
			now = h.seenBy(d.resolvers[resolver], m.Now)
		} else {
			d.look(m, key)
		}
		return map[string]any{"values": plain.ToAny(now.values), "ttl": now.ttl}, nil
	case "set":
		if err := d.alone(args); err != nil {
			return nil, err
		}
		return d.write(m, args, now.values, lenient(kind, args["values"])), nil
	case "replace":
		from := lenient(kind, args["from"])
		if err := d.expect(key, known, now.values, from); err != nil {
			return nil, err
		}
		return d.write(m, args, from, lenient(kind, args["to"])), nil
	case "delete":
		if args["values"] != nil {
			values := lenient(kind, args["values"])
			if err := d.expect(key, known, now.values, values); err != nil {
				return nil, err
			}
			return plain.Pick(d.write(m, args, values, nil), "previous"), nil
		}
		return plain.Pick(d.write(m, args, now.values, nil), "previous"), nil
	}
	return nil, model.NoOp("dns", op)
}

// alone refuses a CNAME beside anything else, and anything beside a CNAME.
func (d *Model) alone(args map[string]any) *effect.Error {
	name, kind := host(plain.Str(args, "name")), plain.Str(args, "type")
	var beside []string
	for key, h := range d.sets {
		owner, other, _ := strings.Cut(key, " ")
		if owner == name && other != kind && (kind == "CNAME" || other == "CNAME") && len(h.versions[len(h.versions)-1].values) > 0 {
			beside = append(beside, other)
		}
	}
	if kind == "CNAME" && name == d.zoneOf(args) {
		beside = append(beside, "SOA", "NS") // every zone has them there
	}
	return Beside(name, kind, beside)
}

// Beside is the error of a CNAME that would stand beside other records of its
// name, or of others that would stand beside a CNAME; nil without any.
func Beside(name, kind string, others []string) *effect.Error {
	if len(others) == 0 {
		return nil
	}
	slices.Sort(others)
	return effect.Errorf(effect.CodeConflict, "%s holds %s, beside which no %s can stand; nothing changed", name, strings.Join(slices.Compact(others), ", "), kind).
		WithHint("delete what is there first, in one step of the runbook with what takes its place")
}

// expect is the comparison of compare-and-swap. A set of which nothing is
// known is taken to hold what is expected.
func (d *Model) expect(key string, known bool, holds, want []string) *effect.Error {
	if known && !slices.Equal(holds, want) {
		return Unexpected(key, holds, want)
	}
	return nil
}

// Unexpected is the error of a compare-and-swap of a set, "name type", that
// holds something else.
func Unexpected(set string, holds, want []string) *effect.Error {
	return effect.Errorf(effect.CodeConflict, "%s holds %s, expected was %s; nothing changed", set, orNothing(holds), orNothing(want)).
		WithHint("somebody changed it: read it with dns.records, find out who and why, then try again with what it holds")
}

// negative is how long resolvers keep that there is no such set: as the zone
// says, or as long as the CNAME counts that is there instead.
func (d *Model) negative(args map[string]any) float64 {
	if h := d.sets[host(plain.Str(args, "name"))+" CNAME"]; h != nil && plain.Str(args, "type") != "CNAME" {
		if v := h.versions[len(h.versions)-1]; len(v.values) > 0 {
			return v.ttl
		}
	}
	if ttl, ok := d.zones[d.zoneOf(args)]; ok {
		return ttl
	}
	return freshTTL
}

// write gives a set new values; none remove it.
func (d *Model) write(m effect.Moment, args map[string]any, before, after []string) map[string]any {
	key := setKey(args)
	old := d.sets[key]
	if old == nil {
		first := recordVersion{values: before, ttl: freshTTL}
		if len(before) == 0 {
			first.ttl = d.negative(args)
		}
		old = &recordHistory{d.zoneOf(args), []recordVersion{first}}
		d.assumed = d.assumed || !d.declared
	}
	last := old.versions[len(old.versions)-1]
	next := recordVersion{m.Now, after, last.ttl}
	if len(last.values) == 0 {
		next.ttl = freshTTL
	}
	if ttl, ok := args["ttl"].(float64); ok {
		next.ttl = ttl
	}
	if len(after) == 0 {
		next.ttl = d.negative(args)
	}
	h := &recordHistory{old.zone, old.versions}
	if !slices.Equal(last.values, next.values) || last.ttl != next.ttl {
		h.versions = append(slices.Clip(h.versions), next)
	}
	d.sets[key] = h
	d.overwrite(key)
	return map[string]any{"values": plain.ToAny(after), "ttl": next.ttl, "previous": plain.ToAny(before)}
}

// ask notes that a resolver is looked at, so that State shows it.
func (d *Model) ask(resolver string) {
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
			until = v.at.Add(effect.Seconds(h.versions[held].ttl + plain.Num(resolver, "delay")))
		}
		current = i
	}
	if !now.Before(until) {
		held = current
	}
	return h.versions[held]
}

// kept is for how long from now on a resolver that follows the times to live
// may keep other values than those of now.
func (h *recordHistory) kept(now time.Time) time.Duration {
	last := h.versions[len(h.versions)-1].values
	most := time.Duration(0)
	for i, v := range h.versions[:len(h.versions)-1] {
		if !slices.Equal(v.values, last) {
			most = max(most, h.versions[i+1].at.Add(effect.Seconds(v.ttl)).Sub(now))
		}
	}
	return most
}

// Repeats implements effect.Repeater: for how long old values are kept follows
// from the values and their times to live.
func (d *Model) Repeats(path []string) bool {
	return len(path) == 4 && path[0] == "zones" && path[3] == "kept"
}

// State implements effect.Model.
func (d *Model) State(m effect.Moment) map[string]any {
	if len(d.others) > 0 {
		d = d.clone()
		d.meet(m)
	}
	zones, seen := map[string]any{}, map[string]any{}
	for key, h := range d.sets {
		v := h.versions[len(h.versions)-1]
		if len(v.values) == 0 {
			continue
		}
		zone := plain.Table(zones, h.zone)
		zone[key] = map[string]any{"values": plain.ToAny(v.values), "ttl": v.ttl}
		if kept := h.kept(m.Now); kept > 0 {
			zone[key].(map[string]any)["kept"] = kept.Seconds()
		}
		zones[h.zone] = zone
	}
	for name, r := range d.resolvers {
		sees := map[string]any{}
		for key, h := range d.sets {
			sees[key] = plain.ToAny(h.seenBy(r, m.Now).values)
		}
		seen[name] = sees
	}
	out := map[string]any{"zones": zones}
	if len(seen) > 0 {
		out["resolvers"] = seen
	}
	if others := d.told(); len(others) > 0 {
		out["others"] = others
	}
	if d.assumed {
		out["assumed"] = true
	}
	return out
}

// Clone implements effect.Model. Histories are replaced, not changed.
func (d *Model) Clone() effect.Model { return d.clone() }

func (d *Model) clone() *Model {
	c := *d
	c.sets, c.zones, c.resolvers, c.others = maps.Clone(d.sets), maps.Clone(d.zones), maps.Clone(d.resolvers), maps.Clone(d.others)
	return &c
}

// Needs implements effect.Learner.
func (d *Model) Needs(_ effect.Moment, _ string, args map[string]any) []effect.Reading {
	if d.sets[setKey(args)] != nil {
		return nil
	}
	return []effect.Reading{{Op: "records", Args: plain.Pick(args, "name", "type", "zone")}}
}

// Learn implements effect.Learner.
func (d *Model) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	ttl, ok := got["ttl"].(float64)
	if !ok {
		ttl = freshTTL
	}
	d.sets[setKey(r.Args)] = &recordHistory{d.zoneOf(r.Args), []recordVersion{{values: lenient(plain.Str(r.Args, "type"), got["values"]), ttl: ttl}}}
	return nil
}

// Assumes implements effect.Assumer: what the op tells may rest on a set that
// nobody declared.
func (d *Model) Assumes(_ string, args map[string]any) string {
	return model.Assuming(d.assumed || !d.declared && d.sets[setKey(args)] == nil, "dns of "+plain.Str(args, "name"))
}

// setKey names a record set: "www.example.org A".
func setKey(args map[string]any) string {
	return host(plain.Str(args, "name")) + " " + plain.Str(args, "type")
}

// zoneOf returns the zone of a record set: the one that is named, the longest
// declared one that holds it, or the last two labels of its name.
func (d *Model) zoneOf(args map[string]any) string {
	if zone := plain.Str(args, "zone"); zone != "" {
		return host(zone)
	}
	labels := strings.Split(host(plain.Str(args, "name")), ".")
	for i := range labels {
		if zone := strings.Join(labels[i:], "."); d.hasZone(zone) {
			return zone
		}
	}
	return strings.Join(labels[max(len(labels)-2, 0):], ".")
}

func (d *Model) hasZone(zone string) bool {
	_, ok := d.zones[zone]
	return ok
}

// host returns a name in lower case, without the dot at its end.
func host(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
