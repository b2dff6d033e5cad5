package hosts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of every set of hosts.
func invariants() []effect.Invariant {
	const name = "of a group of hosts, no two are without their service at once"
	return []effect.Invariant{{Name: name, Doc: "limit is less than the group has hosts", After: oneAtATime},
		{Name: name, Doc: "nothing is restarted while the service is down on another host by a failure", After: notAfterAnother},
		{Name: "what failed on a host is not passed over", End: hostPassedOver}, model.Destroys("hosts", model.Command),
		model.TakenBack("hosts", said),
		model.RegisteredInTime("hosts", said),
		model.StartedLast("hosts", said),
		model.Emptied("hosts", said),
		model.RightUnit("hosts", said),
		model.Upgraded("hosts"),
		model.MirroredWhole("hosts"),
		model.MadeFirst("hosts"),
		model.FillsUp("hosts", model.Command),
		model.NameMissing("hosts"),
		{Name: "what services read does not change everywhere at once", Doc: "of a group of three hosts or more, where the run watches them afterwards: limit is less than the group has hosts, or some come first", End: everywhereAtOnce},
		{Name: "a gate looks at what was changed", End: otherGate},
		{Name: "what is done to a group by name is done to all of it", End: oneLeftOut},
		{Name: "a member takes part again before the next one is away", After: nextTooSoon},
		{Name: "a store is there before what needs it", Doc: "of what the run stopped, postgresql, redis, … are started before other services", End: startedBefore},
		{Name: "a service takes up the files that it is given", Doc: "what a service that everybody knows reads in /etc is followed by a reload there, or by what only its author knows", End: takenUp},
		{Name: "files are tried before the only server restarts by them", Doc: "nginx -t, haproxy -c, … comes between", After: triedFirst},
		{Name: "a change to how hosts are reached comes back by itself", Doc: "systemd-run --on-active, at or netplan try on the host; or people are asked", After: wayBack},
		{Name: "what is destroyed for good was kept before, or people agreed to it", Doc: "the question names the hosts on which it is destroyed, if it names any", After: agreedToLess},
		{Name: "what others share is changed under a lock", Doc: "a run that copies files to several hosts has a lock, whatever its name", After: locked},
		{Name: "hosts that could not be looked at do not count as seen", End: seenNone}}
}

// said returns what a call does to hosts, in words.
func said(args map[string]any) string {
	if action := plain.Str(args, "action"); action != "" {
		return action + " " + plain.Str(args, "name")
	}
	return model.Command(args)
}

// locked finds files that are put on several hosts in a run without any lock: which
// of two runs at once wins is chance, and another one on each host.
func locked(v *effect.View, e effect.Occurrence) string {
	if e.Module != "hosts" || e.Name != "copy" || e.Err != nil || len(v.Locks) > 0 || len(touched(e)) < 2 {
		return ""
	}
	return fmt.Sprintf("%s ran without a lock: another run could put something else there meanwhile; add locks = { \"hosts/NAME\" } to the header", e)
}

// oneAtATime finds restarts that take down all of a group at once.
func oneAtATime(v *effect.View, e effect.Occurrence) string {
	if e.Module != "hosts" || e.Err != nil {
		return ""
	}
	var groups map[string][]string
	what := plain.Str(e.Args, "name")
	switch {
	case e.Name == "service" && e.Args["action"] == "restart":
		groups = serving(v, e)
	case e.Name == "run" && reboots.MatchString(model.Command(e.Args)):
		groups, what = members(v), "the system"
	default:
		return ""
	}
	touched := touched(e)
	for _, group := range plain.SortedNames(groups) {
		members := groups[group]
		if hit := common(members, touched); len(members) > 1 && len(hit) == len(members) && plain.Num(e.Args, "limit") >= float64(len(hit)) {
			return fmt.Sprintf("%s restarts %s on %s at once (limit = %v), and those are all of the group %s: nothing serves meanwhile; leave limit at 1, or make it less than %d",
				e, what, strings.Join(hit, ", "), e.Args["limit"], group, len(hit))
		}
	}
	return ""
}

// reboots matches commands by which a whole host is away for a while.
var reboots = lazyregexp.New(`^(sudo\s+)?(/s?bin/|/usr/s?bin/)?((reboot|poweroff|halt|systemctl\s+(reboot|poweroff|kexec))(\s|$)|shutdown(\s+-[rhPH]\S*)*(\s+(now|\+?\d)|\s*$))`)

// members returns the hosts of each group.
func members(v *effect.View) map[string][]string {
	hosts, groups := plain.Table(v.Begin("hosts"), "hosts"), map[string][]string{}
	for _, name := range plain.SortedNames(hosts) {
		for _, g := range plain.List(plain.Table(hosts, name)["groups"]) {
			groups[g] = append(groups[g], name)
		}
	}
	return groups
}

// notAfterAnother finds services that are stopped or restarted while they are
// down, by a failure, on another host of the group. A rollback in which that failed
// goes on all the same: the engine carries out what else is registered.
func notAfterAnother(v *effect.View, e effect.Occurrence) string {
	if e.Module != "hosts" || e.Name != "service" || e.Args["action"] != "restart" && e.Args["action"] != "stop" || e.Err != nil {
		return ""
	}
	touched := touched(e)
	hosts, unit := plain.Table(v.State("hosts"), "hosts"), unitName(plain.Str(e.Args, "name"))
	groups := serving(v, e)
	for _, group := range plain.SortedNames(groups) {
		members := groups[group]
		if len(common(members, touched)) == 0 {
			continue
		}
		for _, member := range members {
			if !slices.Contains(touched, member) && plain.Str(plain.Table(plain.Table(hosts, member), "services"), unit) == "failed" &&
				!(e.Place.InRollback() && failedInRollback(v.Past(), e)) {
				return fmt.Sprintf("%s goes on with %s of the group %s, although %s has failed on %s: stop at the first failure, or bring that host back first",
					e, strings.Join(common(members, touched), ", "), group, e.Args["name"], member)
			}
		}
	}
	return ""
}

// failedInRollback reports whether a rollback has tried the same on some host, and
// could not.
func failedInRollback(past []effect.Occurrence, e effect.Occurrence) bool {
	return slices.ContainsFunc(past, func(p effect.Occurrence) bool {
		return p.Module == e.Module && p.Name == e.Name && p.Args["name"] == e.Args["name"] && p.Err != nil && p.Place.InRollback()
	})
}

// hostPassedOver finds runs that succeed although a change failed on some hosts
// and went well on others, so that they differ now, and nothing came of that: no
// other try there, no word to anybody. What the run says where nothing fails, too, is
// no word of it.
func hostPassedOver(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	failed := map[string]effect.Occurrence{} // by host
	for _, e := range v.Past() {
		switch {
		case e.Tells && !saidAnyway(v.Usual, e):
			clear(failed)
		case e.Module == "hosts" && e.Err == nil && e.Class.Writes():
			for host, bad := range failedOn(e) {
				if bad && e.Args["partial"] == true {
					failed[host] = e
				} else if failed[host].Name == e.Name {
					delete(failed, host)
				}
			}
		}
	}
	for _, host := range plain.SortedNames(failed) {
		e := failed[host]
		warned := slices.ContainsFunc(end.Events, func(ev effect.Event) bool {
			return ev.Kind == effect.Logged && !ev.At.Before(e.At) && (ev.Body.Name == "warn" || ev.Body.Name == "error")
		})
		if !warned {
			return fmt.Sprintf("%s failed on %s, and the run succeeded as if it had not: look at the error of each host, or leave out partial = true", e, host)
		}
	}
	return ""
}

// failedOn says of each host on which a call was carried out whether it failed there.
func failedOn(e effect.Occurrence) map[string]bool {
	value, _ := e.Value.(map[string]any)
	failed := map[string]bool{}
	for host, v := range plain.Table(value, "hosts") {
		told, _ := v.(map[string]any)
		failed[host] = told["error"] != nil
	}
	return failed
}

// saidAnyway reports whether a run that no fault strikes, and in which no host fails,
// says the same at the same line.
func saidAnyway(usual []effect.Occurrence, message effect.Occurrence) bool {
	said := false
	for _, e := range usual {
		for _, bad := range failedOn(e) {
			if bad && e.Module == "hosts" {
				return false
			}
		}
		said = said || e.Tells && e.SameCall(message)
	}
	return said
}

// touched returns the hosts on which a call did something.
func touched(e effect.Occurrence) []string {
	value, _ := e.Value.(map[string]any)
	var names []string
	for name, v := range plain.Table(value, "hosts") {
		if told, _ := v.(map[string]any); told["error"] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// serving returns, by group, the hosts whose service ran when the run began.
func serving(v *effect.View, e effect.Occurrence) map[string][]string {
	unit := unitName(plain.Str(e.Args, "name"))
	hosts, groups := plain.Table(v.Begin("hosts"), "hosts"), map[string][]string{}
	for _, name := range plain.SortedNames(hosts) {
		h := plain.Table(hosts, name)
		if plain.Str(plain.Table(h, "services"), unit) != "active" {
			continue
		}
		for _, g := range plain.List(h["groups"]) {
			groups[g] = append(groups[g], name)
		}
	}
	return groups
}

func common(a, b []string) []string {
	var both []string
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}

// seenNone finds runs for which it is the same whether a look at hosts saw them or
// reached none.
func seenNone(v *effect.View, end effect.Ending) string {
	for _, e := range v.Past() {
		if e.Fault != nobody || e.Module != "hosts" {
			continue
		}
		if first, _, same := v.Unmoved(e, end); same {
			return fmt.Sprintf("%s reached none of the hosts (partial = true), and the run does what it does where it sees all of them, with %s: "+
				"look at the error of each host, and stop or leave it out where there is one", e, first)
		}
	}
	return ""
}
