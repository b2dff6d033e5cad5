package hosts

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// agreeing matches services whose members have to agree, or to copy from one
// another, before the next one may be away, and caches, which have to fill again.
var agreeing = lazyregexp.New(`(?i)^(memcached|varnish|etcd|zookeeper|consul|nomad|vault|kafka|cassandra|scylla\S*|elasticsearch|opensearch|solr|mongo(d|db)?|mysqld?|mariadb|galera|postgres(ql)?\S*|patroni|redis\S*|valkey\S*|rabbitmq\S*|nats\S*|cockroach\S*|ceph\S*|minio|influxd?\S*|clickhouse\S*|raft\S*)$`)

// nextTooSoon finds members of a group, of those that agree among themselves, that are
// restarted one after the other by calls of their own without a look or a pause
// between: a service that runs has not caught up yet. So it finds hosts that are
// rebooted, whatever they serve: the command returns before the host is away.
func nextTooSoon(v *effect.View, e effect.Occurrence) string {
	what := takenAway(e)
	if e.Place.InRollback() || what == "" {
		return ""
	}
	group := members(v)
	if what != reboot {
		group = serving(v, e)
	}
	var before, away *effect.Occurrence
	var last time.Time
	for _, p := range v.Past() {
		if before != nil && p.At.Sub(last)-took(p) >= pause {
			before = nil
		}
		last = p.At
		switch {
		case p.Place == e.Place:
		case takenAway(p) == what && !slices.Equal(touched(p), touched(e)):
			before, away = &p, &p
		case away != nil && p.Module == "hosts" && p.Args["action"] == "start" && p.Args["name"] == e.Args["name"] && slices.Equal(touched(p), touched(*away)):
			before = &p // it comes back only now, whatever was done meanwhile
		case before != nil && mayLook(p, touched(*before)):
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

// pause is how long a run sleeps that waits for a member; what it sleeps stands between
// the ends of two effects.
const pause = 10 * time.Second

// took returns how long a command ran on the slowest of its hosts.
func took(e effect.Occurrence) time.Duration {
	value, _ := e.Value.(map[string]any)
	longest := plain.Num(value, "seconds")
	for _, told := range plain.Table(value, "hosts") {
		host, _ := told.(map[string]any)
		longest = max(longest, plain.Num(host, "seconds"))
	}
	return effect.Seconds(longest)
}

// mayLook reports whether a call may have waited until the members on those hosts take
// part again: it pauses, reads what they may have to do with, or runs or asks for what
// only its author knows. What is in a file, and what systemd says of another host, tells
// nothing of them.
func mayLook(p effect.Occurrence, hosts []string) bool {
	switch {
	case p.Module == effect.ControlModule:
		return p.Name != "now"
	case p.Module == "files", p.Module == "secrets":
		return false
	case p.Module == "hosts" && (p.Name == "read" || p.Name == "list"):
		return false
	case p.Module == "hosts" && p.Name == "service":
		return p.Class == effect.Read && len(common(hosts, touched(p))) > 0
	case p.Class == effect.Read:
		return true
	}
	return p.Err == nil && (p.Module == "exec" || p.Module == "http" && p.Args["method"] == "POST" || p.Module == "hosts" && p.Name == "run") && !atOnce.MatchString(said(p.Args))
}

// atOnce matches commands that wait for nothing but themselves.
var atOnce = lazyregexp.New(`^\s*(sudo\s+)?(\S*/)?(apt(-get)?|dnf|yum|zypper|apk|pip3?|rpm|dpkg|cp|mv|ln|mkdir|chmod|chown|tar|install|sed|echo|touch|systemctl\s+daemon-reload)\s[^;&|]*$`)

// reboot is what takenAway calls a host that goes down as a whole.
const reboot = "the host"

// takenAway returns what a call takes away from its hosts for a while that others of
// the group have to be there for: a service whose members agree, or all.
func takenAway(e effect.Occurrence) string {
	switch unit := strings.TrimSuffix(unitName(plain.Str(e.Args, "name")), ".service"); {
	case e.Module != "hosts" || e.Err != nil:
	case e.Name == "run" && reboots.MatchString(model.Command(e.Args)):
		return reboot
	case e.Name == "service" && (e.Args["action"] == "restart" || e.Args["action"] == "stop") && agreeing.MatchString(unit):
		return unit
	}
	return ""
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
