package hosts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// everywhere is the least number of hosts of which a first one can be tried.
const everywhere = 3

// everywhereAtOnce finds files that all hosts of a group take up at the same moment, and
// that the run watches only then: what is wrong with them is wrong everywhere by then.
// A certificate is right or wrong for everybody at once, and is not meant.
func everywhereAtOnce(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	var put, taken *effect.Occurrence
	seen := map[string]bool{} // files that some hosts had before
	for _, e := range v.Past() {
		file, on := copies(e)
		switch {
		case file != "" && !certificate(file):
			put, taken = nil, nil
			if len(on) >= everywhere && !seen[file] && wholeGroup(v, on) {
				put = &e
			}
			seen[file] = true
		case put == nil:
		case e.Module == "hosts" && e.Name == "service" && e.Wrote() && (e.Args["action"] == "reload" || e.Args["action"] == "restart"):
			_, has := copies(*put)
			if len(common(has, touched(e))) == len(has) && plain.Num(e.Args, "limit") >= float64(len(has)) {
				taken = &e
			}
		case taken != nil && e.Module == "health" && e.Name == "measure":
			return fmt.Sprintf("%s has %s take up %s everywhere at once (limit = %v), and %s looks only then: what is wrong with it is wrong on all of them; change one host or one place first, watch that, and go on with the others",
				taken, strings.Join(touched(*taken), ", "), put.Args["to"], taken.Args["limit"], e)
		case e.Wrote() && !e.Tells:
			put = nil
		}
	}
	return ""
}

func certificate(file string) bool {
	return slices.ContainsFunc([]string{".pem", ".crt", ".cer", ".key"}, func(end string) bool { return strings.HasSuffix(file, end) })
}

// wholeGroup reports whether hosts are all of a group.
func wholeGroup(v *effect.View, on []string) bool {
	for _, members := range members(v) {
		if len(members) >= everywhere && len(common(members, on)) == len(members) {
			return true
		}
	}
	return false
}
