package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// paying matches what a call says that moves money.
var paying = lazyregexp.New(`(?i)(^|[^a-z])(pay(outs?|ments?)?|refunds?|charges?|transfers?|credits?|disburse\w*|settle\w*|remit\w*)([^a-z]|$)`)

// known matches what lets the other side know a payment that comes twice, whoever
// sends it.
var known = lazyregexp.New(`(?i)idempot|dedup|reference|request_?id|external_?id|client_?token|if-match`)

// PaidOnce returns the invariant that what a run pays because a list says that it is
// due is paid under a lock: two runs that read the list at one time pay it twice.
// line is what a call of the module says.
func PaidOnce(module string, line func(args map[string]any) string) effect.Invariant {
	return effect.Invariant{Name: "what others share is changed under a lock", After: func(v *effect.View, e effect.Occurrence) string {
		if e.Module != module || !e.Wrote() || len(v.Locks) > 0 || e.Class != effect.Irreversible {
			return ""
		}
		said := line(e.Args)
		if !paying.MatchString(said) || known.MatchString(said) || known.MatchString(fmt.Sprint(e.Args["headers"], e.Args["env"], e.Args["key_header"])) {
			return ""
		}
		words := strings.FieldsFunc(said, func(r rune) bool { return strings.ContainsRune(" \t\n/=:,;'\"?&|()[]{}", r) })
		for _, p := range v.Past() {
			if p.Class == effect.Read && p.Err == nil && p.Place != e.Place && listed(p.Value, words) {
				return fmt.Sprintf("%s pays what %s has listed, in a run without a lock: a second run that reads the list before this one is through pays it once more; "+
					"add locks = { \"payouts\" } to the header, or send a key of what is paid, the same whoever sends it", e, p)
			}
		}
		return ""
	}}
}

// identity matches members of an entry that say which one it is.
var identity = lazyregexp.New(`(?i)(^|_)(id|uuid|number|no|name|account|customer|order|payee|iban)$`)

// listed reports whether an entry of a list in an answer is among some words.
func listed(value any, words []string) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			if listed(member, words) {
				return true
			}
		}
	case []any:
		for _, entry := range v {
			members, isEntry := entry.(map[string]any)
			for name, member := range members {
				if isEntry && identity.MatchString(name) && slices.Contains(words, fmt.Sprint(member)) {
					return true
				}
			}
		}
	}
	return false
}
