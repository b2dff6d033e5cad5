package health

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// bound matches names of what says how much there may be of something.
var bound = lazyregexp.New(`(?i)(^|[-_.])(limits?|quotas?|max\w*|replicas?|instances?|capacity|size|concurrency|workers|budget|rate)($|[-_.])`)

// zeroedUnmeasured finds limits that become nothing where nothing was measured: that
// nobody told how much is used does not say that nothing is.
func zeroedUnmeasured(v *effect.View, e effect.Occurrence) string {
	if !e.Wrote() || e.Tells || e.Module == "traffic" {
		return ""
	}
	at := slices.IndexFunc(v.Past(), func(p effect.Occurrence) bool {
		return p.Module == "health" && p.Name == "measure" && p.Fault == noData && p.Err == nil
	})
	usual := slices.IndexFunc(v.Usual, func(u effect.Occurrence) bool {
		return u.Place == e.Place && u.Module == e.Module && u.Name == e.Name && u.Where == e.Where
	})
	if at < 0 || usual < 0 {
		return ""
	}
	for _, c := range effect.Changes("", v.Usual[usual].Args, e.Args) {
		from, _ := c.From.(float64)
		to, isNumber := c.To.(float64)
		if isNumber && to == 0 && from > 0 && bound.MatchString(c.Path[len(c.Path)-1]) {
			return fmt.Sprintf("%s sets %s to 0 where %s measured nothing (otherwise it is %v): what nobody can tell is not nothing; stop where a figure is missing",
				e, strings.Join(c.Path, "."), v.Past()[at], from)
		}
	}
	return ""
}
