package ipfs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of all content.
func invariants() []effect.Invariant {
	return []effect.Invariant{{Name: "the last copy of content is kept", After: lastCopy},
		{Name: "content is kept before a name leads to it", End: keptFirst},
		{Name: "the last copy of content is kept", Doc: "a copy elsewhere is validated before ipfs.unpin, where the run validates it at all", End: seenLate}}
}

// keptFirst finds content that clients were sent to before any node was told to
// keep it, by a run that does so afterwards: until then nobody may have had it.
func keptFirst(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	past := v.Past()
	for i, w := range past {
		if !w.Wrote() || w.Tells || w.Module == "ipfs" {
			continue
		}
		for _, p := range past[i+1:] {
			cid := plain.Str(p.Args, "cid")
			if p.Module != "ipfs" || p.Name != "pin" || p.Err != nil || len(p.Changes) == 0 || cid == "" || !names(w.Args, cid) {
				continue
			}
			if !slices.ContainsFunc(past[:i], func(o effect.Occurrence) bool { return looksAfter(o, cid) }) {
				return fmt.Sprintf("%s leads to %s, and only then did %s let a node keep it: meanwhile who followed may have found nothing; pin and validate it first", w, cid, p)
			}
		}
	}
	return ""
}

// seenLate finds content that a node dropped before the run looked whether the copy of
// another one, which takes its place, is whole.
func seenLate(v *effect.View, _ effect.Ending) string {
	dropped := map[string]effect.Occurrence{} // by content: by what
	seen := map[string]bool{}
	for _, e := range v.Past() {
		value, _ := e.Value.(map[string]any)
		cid, look := plain.Str(e.Args, "cid"), e.Name == "validate" || e.Name == "providers"
		unpin, gone := dropped[cid]
		switch {
		case e.Module != "ipfs" || cid == "":
		case look && gone && plain.Str(unpin.Args, "node") != plain.Str(e.Args, "node"):
			return fmt.Sprintf("%s dropped %s, and only then does %s look whether it is whole elsewhere: if it is not, there is no copy to go back to; validate it first", unpin, cid, e)
		case look && e.Err == nil:
			seen[cid] = true
		case e.Name == "unpin" && e.Wrote() && value["was_pinned"] == true && !seen[cid]:
			dropped[cid] = e
		}
	}
	return ""
}

// looksAfter reports whether an effect let a node keep content, or saw that one does.
func looksAfter(o effect.Occurrence, cid string) bool {
	return o.Module == "ipfs" && o.Err == nil && plain.Str(o.Args, "cid") == cid && (o.Name == "pin" || o.Name == "validate" || o.Name == "providers")
}

// names reports whether a text is a part of what a call says.
func names(value any, text string) bool {
	switch value := value.(type) {
	case string:
		return strings.Contains(value, text)
	case []any:
		return slices.ContainsFunc(value, func(e any) bool { return names(e, text) })
	case map[string]any:
		for _, e := range value {
			if names(e, text) {
				return true
			}
		}
	}
	return false
}

// replaced reports whether a name led to content when the run began, and leads to
// other content now: what nobody is led to any more may go. How long resolvers
// remember it is asked where names are looked after.
func replaced(v *effect.View, cid string) bool {
	return cid != "" && names(v.Begin("dns"), cid) && !names(v.State("dns"), cid)
}

// lastCopy finds content that a node dropped and nobody is known to have then.
func lastCopy(v *effect.View, e effect.Occurrence) string {
	value, _ := e.Value.(map[string]any)
	if e.Module != "ipfs" || e.Name != "unpin" || e.Err != nil || value["was_pinned"] != true {
		return ""
	}
	cid := plain.Str(e.Args, "cid")
	providers := plain.Table(v.State("ipfs"), "providers")
	if who, known := providers[cid]; known && len(plain.List(who)) == 0 && !replaced(v, cid) {
		return fmt.Sprintf("%s dropped %s, and nobody else has it: pin it elsewhere and ask ipfs.providers first", e, cid)
	}
	return ""
}
