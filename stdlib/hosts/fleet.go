package hosts

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// smallest is of how many hosts a group has to be before one that is left out looks
// forgotten, and not meant.
const smallest = 3

// oneLeftOut finds runs that see to all hosts of a group, by name, but for one. Who
// names a group, or leaves one out by "!web-3", has said which are meant.
func oneLeftOut(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	hosts := plain.Table(v.State("hosts"), "hosts")
	done := map[string]map[string]effect.Occurrence{} // by what was done, by host
	var order []string
	for _, e := range v.Past() {
		on := plain.List(e.Args["on"])
		if e.Module != "hosts" || !e.Class.Writes() || e.Place.InRollback() {
			continue
		}
		what := deed(e)
		if done[what] == nil {
			done[what] = map[string]effect.Occurrence{}
			order = append(order, what)
		}
		for _, host := range touched(e) {
			done[what][host] = e
		}
		if len(on) != 1 || hosts[on[0]] == nil {
			for _, group := range on {
				done[what]["group "+group] = e // somebody has said which are meant
			}
		}
	}
	groups := members(v)
	for _, what := range order {
		for _, group := range plain.SortedNames(groups) {
			names := groups[group]
			hit := common(names, plain.SortedNames(done[what]))
			if len(names) < smallest || len(hit) != len(names)-1 || len(done[what]) != len(hit) {
				continue
			}
			left := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(hit, n) })[0]
			e := done[what][hit[len(hit)-1]]
			if e.Name == "service" && plain.Str(plain.Table(plain.Table(plain.Table(v.Begin("hosts"), "hosts"), left), "services"), unitName(plain.Str(e.Args, "name"))) != "active" ||
				seenTo(v.Past(), left, e) {
				continue
			}
			return fmt.Sprintf("%s was made on %s, and not on %s, which is the rest of the group %s: the hosts differ now; see to all of them, or name the group without it: \"%s\", \"!%s\"",
				e, strings.Join(hit, ", "), left, group, group, left)
		}
	}
	return ""
}

// seenTo reports whether a run did something else of the kind on a host.
func seenTo(past []effect.Occurrence, host string, e effect.Occurrence) bool {
	return slices.ContainsFunc(past, func(p effect.Occurrence) bool {
		return p.Module == "hosts" && p.Name == e.Name && p.Class.Writes() && slices.Contains(touched(p), host)
	})
}

// deed names what a call does, wherever it does that.
func deed(e effect.Occurrence) string {
	if e.Name == "copy" {
		return "copy " + plain.Str(e.Args, "to")
	}
	return e.Name + " " + said(e.Args)
}

// agreeing matches services whose members have to agree, or to copy from one
// another, before the next one may be away.
var agreeing = regexp.MustCompile(`(?i)^(etcd|zookeeper|consul|nomad|vault|kafka|cassandra|scylla\S*|elasticsearch|opensearch|solr|mongo(d|db)?|mysqld?|mariadb|galera|postgres(ql)?\S*|patroni|redis\S*|valkey\S*|rabbitmq\S*|nats\S*|cockroach\S*|ceph\S*|minio|influxd?\S*|clickhouse\S*|raft\S*)$`)

// nextTooSoon finds members of a group that agree among themselves, restarted one
// after the other by calls of their own, without a look or a pause between: a
// service that runs has not caught up yet.
func nextTooSoon(v *effect.View, e effect.Occurrence) string {
	if e.Place.InRollback() || !restartsMember(e) {
		return ""
	}
	group := serving(v, e)
	var before *effect.Occurrence
	for _, p := range v.Past() {
		switch {
		case p.Place == e.Place:
		case restartsMember(p) && p.Args["name"] == e.Args["name"] && !slices.Equal(touched(p), touched(e)):
			before = &p
		case before != nil && (p.Module == effect.ControlModule && p.Name != "now" || p.Class == effect.Read):
			before = nil
		}
	}
	if before == nil {
		return ""
	}
	for _, name := range plain.SortedNames(group) {
		if members := group[name]; len(common(members, touched(e))) > 0 && len(common(members, touched(*before))) > 0 {
			return fmt.Sprintf("%s comes straight after %s: both are of the group %s, and nobody looked whether the first one takes part again; wait until it does, by health.wait or what the service says of its members",
				e, before, name)
		}
	}
	return ""
}

func restartsMember(e effect.Occurrence) bool {
	return e.Module == "hosts" && e.Name == "service" && e.Err == nil && (e.Args["action"] == "restart" || e.Args["action"] == "stop") &&
		agreeing.MatchString(strings.TrimSuffix(unitName(plain.Str(e.Args, "name")), ".service"))
}

// agreedToLess finds what is destroyed on hosts that the question did not name,
// which named others.
func agreedToLess(v *effect.View, e effect.Occurrence) string {
	if e.Module != "hosts" || e.Name != "run" || !e.Wrote() || model.Destroyed(said(e.Args)) == "" {
		return ""
	}
	all := plain.SortedNames(plain.Table(v.State("hosts"), "hosts"))
	for _, p := range slices.Backward(v.Past()) {
		if p.Module != effect.ControlModule || !effect.Asks(p.Module+"."+p.Name) || p.Err != nil {
			continue
		}
		title := strings.FieldsFunc(plain.Str(p.Args, "title"), func(r rune) bool { return strings.ContainsRune(" \t\n,.:;?!\"'()", r) })
		if len(common(all, title)) == 0 {
			return ""
		}
		for _, host := range touched(e) {
			if !slices.Contains(title, host) {
				return fmt.Sprintf("%s destroys on %s, and people were asked of %s, at %s: name the same hosts in both", e, strings.Join(touched(e), ", "), strings.Join(common(all, title), ", "), p.Where)
			}
		}
		return ""
	}
	return ""
}
