package model

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// TakenBack returns the invariant that what a run sets and takes back by calls
// of a module is taken back however the run ends. line is what a call says.
func TakenBack(module string, line func(args map[string]any) string) effect.Invariant {
	return effect.Invariant{Name: "what a run sets for its own time is taken back however it ends", End: pairs{module, line}.takenBack}
}

// pairs finds calls of a module of which one takes back what another did.
type pairs struct {
	module string
	line   func(args map[string]any) string
}

// takenBack finds what a run sets and takes back again where nothing fails, and
// left as it was set when something did: a silence, a flag, a pause.
func (p pairs) takenBack(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusFailed && end.Status != effect.StatusRolledBack || v.Stranded {
		return ""
	}
	past := v.Past()
	for i, set := range v.Usual {
		if !set.Wrote() || set.Module != p.module || !p.hasOpposite(v.Usual[i+1:], set) || p.lasts(v.Usual[i+1:], set) || !end.RollsBack && !unnoticed.MatchString(p.line(set.Args)) {
			continue
		}
		did := -1
		for j, e := range past {
			if e.Err == nil && sameCall(e, set) {
				did = j
			}
		}
		if did < 0 || p.hasOpposite(past[did+1:], set) || !end.RollsBack && p.tried(past[did+1:], set) {
			continue
		}
		return fmt.Sprintf("the run is %s, and what %s set is left (%s): a run that nothing disturbs takes it back; add an on_rollback that does", end.Status, past[did], p.line(set.Args))
	}
	if !end.RollsBack {
		return ""
	}
	return p.varsLeft(v, end)
}

// silences matches what keeps alerts from people. A run that stops where it fails
// may leave a page or a pause for whoever comes; that somebody comes takes alerts.
var silences = lazyregexp.New(`(?i)\b(un)?(silenc|mute)|\bdowntimes?\b`)

// unnoticed matches what whoever comes does not see, and misses later: alerts, a
// feature that was tried, what repairs, scales, backs up or watches by itself.
var unnoticed = lazyregexp.New(silences.String() + `|(?i)\b(features?|flags?|toggles?|streaming|experiments?|chaos|debug|trac(e|ing)|verbose)\b` +
	`|auto-?(scal|heal|repair|failover|vacuum|renew)|\b(failover|orchestrator|backups?|crons?|crontab|watchdog|monitor(ing)?|alert(s|ing|manager)?|replication|puppet|chef)\b`)

// varsLeft is takenBack for what a scenario says that calls set.
func (p pairs) varsLeft(v *effect.View, end effect.Ending) string {
	type seen struct {
		by   effect.Occurrence
		last any
	}
	changed := map[string]seen{}
	var order []string
	for _, e := range v.Usual {
		for _, c := range e.Changes {
			if c.Path[0] != "vars" || c.Module != p.module || !e.Wrote() {
				continue
			}
			was, known := changed[c.Target()]
			if !known {
				was.by = e
				order = append(order, c.Target())
			}
			was.last = c.To
			changed[c.Target()] = was
		}
	}
	for _, target := range order {
		by := changed[target].by
		for _, c := range by.Changes { // from what it was in the beginning
			if c.Target() != target || c.From != changed[target].last {
				continue
			}
			for _, left := range v.Changes(by.Module) {
				if left.Target() == target {
					return fmt.Sprintf("the run is %s, and %s is %s, as %s set it; a run that nothing disturbs takes it back: add an on_rollback that does", end.Status, target, plain.Text(left.To), by)
				}
			}
		}
	}
	return ""
}

func (p pairs) hasOpposite(list []effect.Occurrence, of effect.Occurrence) bool {
	for _, e := range list {
		if e.Err == nil && e.Class.Writes() && p.opposite(of, e) {
			return true
		}
	}
	return false
}

// lasts reports whether the same is set again after all that takes it back: it is how
// the run leaves things, as the end of each turn of a loop does.
func (p pairs) lasts(list []effect.Occurrence, set effect.Occurrence) bool {
	for _, e := range slices.Backward(list) {
		if e.Err == nil && e.Class.Writes() && (sameCall(e, set) || p.opposite(set, e)) {
			return sameCall(e, set)
		}
	}
	return false
}

// tried reports whether it was to be taken back, and that failed.
func (p pairs) tried(list []effect.Occurrence, of effect.Occurrence) bool {
	return slices.ContainsFunc(list, func(e effect.Occurrence) bool { return e.Err != nil && p.opposite(of, e) })
}

func sameCall(a, b effect.Occurrence) bool {
	return a.Module == b.Module && a.Name == b.Name && reflect.DeepEqual(a.Args, b.Args)
}

// opposites are words of which one undoes what the other did.
var opposites = [][2]string{{"on", "off"}, {"enable", "disable"}, {"enabled", "disabled"}, {"start", "stop"}, {"pause", "resume"}, {"pause", "unpause"}, {"suspend", "resume"},
	{"lock", "unlock"}, {"freeze", "unfreeze"}, {"freeze", "thaw"}, {"mute", "unmute"}, {"silence", "unsilence"}, {"create", "delete"}, {"create", "destroy"},
	{"create", "remove"}, {"create", "expire"}, {"add", "remove"}, {"add", "delete"}, {"add", "rm"}, {"add", "del"}, {"add", "expire"}, {"set", "unset"}, {"set", "clear"}, {"open", "close"}, {"begin", "end"},
	{"up", "down"}, {"cordon", "uncordon"}, {"drain", "undrain"}, {"block", "unblock"}, {"attach", "detach"}, {"mount", "unmount"}, {"mount", "umount"},
	{"true", "false"}, {"grant", "revoke"}, {"yes", "no"}, {"enter", "leave"}, {"none", "all"}, {"primaries", "all"},
	{"maintenance", "normal"}}

// stopping matches what a call says that keeps something from working for a while.
var stopping = lazyregexp.New(`(?i)\b(stop|pause|suspend|freeze|drain|off|disable|down|quiesce)\b`)

// Stops reports whether an effect says that it keeps something from working for a
// while: what is down then is meant to be.
func Stops(e effect.Occurrence) bool {
	text := Command(e.Args)
	for _, name := range []string{"action", "url"} {
		if said, ok := e.Args[name].(string); ok {
			text += " " + said
		}
	}
	return e.Name == "drain" || e.Module == "deploy" && e.Name == "scale" && e.Args["instances"] == 0.0 || stopping.MatchString(text) || resting.MatchString(text)
}

// resting matches what tells visitors that a service rests.
var resting = lazyregexp.New(`(?i)maint(enance)?|sorry|read-?only`)

// words matches the parts of a call that may differ.
var words = lazyregexp.New(`[A-Za-z]+|\d+|[^A-Za-z\d\s]`)

// opposite reports whether one call takes back what another did: the same call
// but for one word, which is the other's opposite, or DELETE of what POST made.
func (p pairs) opposite(a, b effect.Occurrence) bool {
	if a.Module != p.module || b.Module != p.module || a.Name != b.Name {
		return false
	}
	if a.Args["method"] != b.Args["method"] {
		at, _ := a.Args["url"].(string)
		gone, _ := b.Args["url"].(string)
		return a.Args["method"] != "DELETE" && b.Args["method"] == "DELETE" && (gone == at || strings.HasPrefix(gone, strings.TrimSuffix(at, "/")+"/") || strings.HasPrefix(gone, strings.TrimSuffix(at, "s")+"/"))
	}
	was, is := words.FindAllString(p.line(a.Args), -1), words.FindAllString(p.line(b.Args), -1)
	if silences.MatchString(p.line(a.Args)) && silences.MatchString(p.line(b.Args)) { // by what it is about, and then by its id
		return turns(was, is)
	}
	if len(was) != len(is) {
		return false
	}
	differ := 0
	for i := range was {
		if was[i] == is[i] {
			continue
		}
		if !undoes(was[i], is[i]) {
			return false
		}
		differ++
	}
	return differ == 1
}

// turns reports whether the first word in which two calls differ is the other's
// opposite, whatever follows.
func turns(was, is []string) bool {
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			return undoes(was[i], is[i])
		}
	}
	return false
}

// undoes reports whether one of two words undoes what the other did.
func undoes(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return slices.Contains(opposites, [2]string{a, b}) || slices.Contains(opposites, [2]string{b, a})
}
