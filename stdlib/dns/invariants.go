package dns

import (
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of every zone.
func invariants() []effect.Invariant {
	return []effect.Invariant{
		effect.NoRace("dns", "set", "replace", "delete"),
		effect.LockedChanges("dns").Unless("for dns.replace, any lock", underAnyLock),
		effect.LockOfAnotherName("dns", "name"),
		{Name: "what somebody else changed is not overwritten unseen", After: notOverwritten},
		{Name: "a name that clients follow leads somewhere all the time", After: neverNowhere},
		{Name: "a name is moved while resolvers keep it for less than half an hour", After: movedSoon},
		{Name: "a name is moved after what it leads to is ready", End: movedToReady},
		{Name: "a gate looks at what a name leads to", Doc: "the gate after a change is on what the name was moved to, where one is called like the other", End: gateAtOld},
		{Name: "what a name led to stays until resolvers have forgotten it", Doc: "dns.wait, or a sleep, comes before what is taken away for good", After: keptWhileSeen},
		{Name: "what a name led to stays until resolvers have forgotten it", Doc: "and before content is unpinned", After: contentWhileSeen},
		{Name: "a set keeps what it held beside what is added", Doc: "of MX, NS, TXT, SRV and CAA, and of addresses that dns.set writes beside one that stays, where it loses more values than it gains, and neither parameters nor a question name these", End: keptBeside},
		{Name: "a zone is signed as long as the one above says so", Doc: "a command takes the signatures away an hour, at the least, after the DS", After: signedWhileTold},
		{Name: "a name is moved before what it leads to is taken away", Doc: "dns comes before deploy.decommission of what has a part of the name", After: movedLate},
		{Name: "a signing key is published before it is used", Doc: "dns.set of NAME._domainkey comes before the call that gives NAME as the selector", After: signedFirst},
		{Name: "what is looked up is there before it is", Doc: "dns.wait comes between a challenge and the POST that has it looked up", After: answeredEarly},
		{Name: "a run that did not succeed leaves the DNS records as they were", End: asTheyWere},
	}
}

// underAnyLock excuses dns.replace: of two runs that replace the same values one is told
// that they are others.
func underAnyLock(v *effect.View, e effect.Occurrence) bool {
	return e.Name == "replace" && len(v.Locks) > 0
}

// moved returns the record sets that lead elsewhere since an effect, as "zone"
// and "name type": sets of addresses or of another name, which were there before.
func moved(e effect.Occurrence) [][2]string {
	if !e.Wrote() {
		return nil
	}
	var out [][2]string
	for _, c := range e.Changes {
		if c.Module == "dns" && len(c.Path) == 5 && c.Path[0] == "zones" && c.Path[3] == "values" && c.Path[4] == "1" && c.From != nil && leads(c.Path[2]) {
			out = append(out, [2]string{c.Path[1], c.Path[2]})
		}
	}
	return out
}

// leads reports whether clients follow a set, "name type", to what they want.
func leads(set string) bool {
	_, kind, _ := strings.Cut(set, " ")
	return kind == "A" || kind == "AAAA" || kind == "CNAME"
}

func notOverwritten(_ *effect.View, e effect.Occurrence) string {
	if e.Module != "dns" || !e.Wrote() {
		return ""
	}
	for _, c := range e.Changes {
		if c.Path[0] == "others" && c.From == changedUnseen && c.To == overwritten {
			return fmt.Sprintf("%s changed %s, which somebody else had changed since the run read it: their change is gone, and nobody saw it; "+
				"use dns.replace with what was read, or read it again just before", e, c.Path[1])
		}
	}
	return ""
}

// long is for how many seconds resolvers may keep an old value when a name is
// moved: so long does the move take, and so long does it take to undo it.
const long = 1800

func movedSoon(v *effect.View, e effect.Occurrence) string {
	for _, set := range moved(e) {
		record := plain.Table(plain.Table(plain.Table(v.State("dns"), "zones"), set[0]), set[1])
		if kept := plain.Num(record, "kept"); kept >= long {
			return fmt.Sprintf("%s moved %s, and resolvers may keep what it was for %s, as they would keep this after a way back: "+
				"set a short ttl first, and wait until the old one has passed", e, set[1], effect.FormatDuration(effect.Seconds(kept)))
		}
	}
	return ""
}

// neverNowhere finds record sets that are deleted and then set anew: who asks in
// between learns that there is nothing, and resolvers keep that.
func neverNowhere(v *effect.View, e effect.Occurrence) string {
	if e.Module != "dns" || e.Name != "set" || !e.Wrote() || !leads(setOf(e)) {
		return ""
	}
	past := v.Past()
	for i := len(past) - 1; i >= 0; i-- {
		p := past[i]
		if p.Module != "dns" || !p.Wrote() || setOf(p) != setOf(e) || p.Place == e.Place {
			continue
		}
		value, _ := p.Value.(map[string]any)
		if p.Name == "delete" && len(plain.List(value["previous"])) > 0 {
			return fmt.Sprintf("%s sets %s, which %s deleted: in between clients were told that there is none, and resolvers keep that as well; use dns.replace, or set alone",
				e, setOf(e), p)
		}
		return ""
	}
	return ""
}

// setOf names the record set that a call is about: "name type".
func setOf(e effect.Occurrence) string {
	return plain.Str(e.Args, "name") + " " + plain.Str(e.Args, "type")
}

// movedToReady finds names that a run moved, for good, before it made ready for
// the first time what clients are to find there.
func movedToReady(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	last := map[string]effect.Occurrence{} // by set: what moved it last, and nothing was ready before
	var ready *effect.Occurrence
	past := v.Past()
	for i := range past {
		e := past[i]
		for _, set := range moved(e) {
			if delete(last, set[1]); ready == nil {
				last[set[1]] = e
			}
		}
		if ready == nil && makesReady(v, e) {
			ready = &past[i]
		}
	}
	for _, set := range plain.SortedNames(last) {
		if ready != nil {
			return fmt.Sprintf("%s moved %s, and only then did %s make ready what takes over: meanwhile clients were sent to what could not serve them; "+
				"move the name last", last[set], set, *ready)
		}
	}
	return ""
}

// makesReady reports whether an effect brought something into service: a node
// that takes writes now, or a release where none served.
func makesReady(v *effect.View, e effect.Occurrence) bool {
	switch {
	case !e.Wrote():
	case e.Module == "db" && e.Name == "promote":
		return len(e.Changes) > 0
	case e.Module == "deploy" && (e.Name == "release" || e.Name == "activate"):
		began := v.Begin("deploy")
		env, region := plain.Str(e.Args, "env"), plain.Str(e.Args, "region")
		if region != "" {
			began = plain.Table(plain.Table(began, "regions"), region)
		}
		if env != "" {
			began = plain.Table(plain.Table(began, "envs"), env)
		}
		return len(e.Changes) > 0 && began["state"] != "active" && plain.Str(began, "serving") == ""
	}
	return false
}

// keptWhileSeen finds what is taken away for good while resolvers still send
// clients somewhere else than the names lead to now.
func keptWhileSeen(v *effect.View, e effect.Occurrence) string {
	if !e.Wrote() || !(e.Module == "deploy" && e.Name == "decommission" || e.Module == "exec" && e.Args["class"] == string(effect.Irreversible)) {
		return ""
	}
	zones := plain.Table(v.State("dns"), "zones")
	for _, past := range v.Past() {
		for _, set := range moved(past) {
			if kept := plain.Num(plain.Table(plain.Table(zones, set[0]), set[1]), "kept"); kept > 0 {
				return fmt.Sprintf("%s took something away for good, and resolvers may keep what %s was for another %s: wait first, with dns.wait or sleep",
					e, set[1], effect.FormatDuration(effect.Seconds(kept)))
			}
		}
	}
	return ""
}

// contentWhileSeen finds content that a node drops while resolvers still lead to it.
func contentWhileSeen(v *effect.View, e effect.Occurrence) string {
	cid := plain.Str(e.Args, "cid")
	if e.Module != "ipfs" || e.Name != "unpin" || !e.Wrote() || cid == "" {
		return ""
	}
	zones := plain.Table(v.State("dns"), "zones")
	for _, past := range v.Past() {
		for _, c := range past.Changes {
			was, _ := c.From.(string)
			if c.Module != "dns" || !past.Wrote() || len(c.Path) != 5 || c.Path[3] != "values" || !strings.Contains(was, cid) {
				continue
			}
			if kept := plain.Num(plain.Table(plain.Table(zones, c.Path[1]), c.Path[2]), "kept"); kept > 0 {
				return fmt.Sprintf("%s drops %s, and resolvers may lead to it by %s for another %s: wait first, with dns.wait or sleep", e, cid, c.Path[2], effect.FormatDuration(effect.Seconds(kept)))
			}
		}
	}
	return ""
}

// asTheyWere compares the records with what they were. Where nobody declared
// any, nothing is compared; nor is what somebody else has changed since.
func asTheyWere(v *effect.View, end effect.Ending) string {
	if !end.RollsBack || end.Status != effect.StatusFailed && end.Status != effect.StatusRolledBack ||
		len(plain.Table(v.Begin("dns"), "zones")) == 0 {
		return ""
	}
	others := plain.Table(v.State("dns"), "others")
	for _, c := range v.Changes("dns") {
		if c.Path[0] != "zones" || len(c.Path) > 2 && others[c.Path[2]] != nil { // what resolvers remember passes by itself
			continue
		}
		p := c.Prediction()
		is, was := p.To, p.From
		if c.To == nil {
			is = "nothing"
		}
		if c.From == nil {
			was = "nothing"
		}
		return fmt.Sprintf("the run is %s, and %s is %s; it was %s", end.Status, p.Target, is, was)
	}
	return ""
}
