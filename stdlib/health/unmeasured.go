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

// endedUnmeasured finds waits that end where nothing was measured: the same line reads
// again where it is told a figure, and without one the run goes on as ever.
func endedUnmeasured(v *effect.View, end effect.Ending) string {
	past := v.Past()
	at := slices.IndexFunc(past, func(p effect.Occurrence) bool {
		return p.Module == "health" && p.Name == "measure" && p.Fault == noData && p.Err == nil
	})
	if at < 0 {
		return ""
	}
	read := past[at]
	usual := slices.IndexFunc(v.Usual, func(u effect.Occurrence) bool { return u.Place == read.Place })
	if usual < 0 {
		return ""
	}
	last, again := effect.LastTurn(v.Usual[usual:])
	if !again || warned(v, end) {
		return ""
	}
	for _, e := range past[at+1:] {
		switch {
		case e.SameCall(read), e.Module == effect.ControlModule && effect.Asks(e.Module+"."+e.Name):
			return ""
		case e.Wrote() && !e.Tells:
			ever := slices.IndexFunc(v.Usual, func(u effect.Occurrence) bool { return u.SameCall(e) && !u.At.Before(last.At) })
			if ever < 0 {
				return ""
			}
			return fmt.Sprintf("%s measured nothing, where it is read again until it is told something else, and %s comes as ever: what nobody can tell ends no wait; go on waiting where the figure is missing", read, e)
		}
	}
	return ""
}

// warned reports whether a run warned of something in its log, and usually does not.
func warned(v *effect.View, end effect.Ending) bool {
	return slices.ContainsFunc(end.Events, func(ev effect.Event) bool {
		return ev.Kind == effect.Logged && (ev.Body.Name == "warn" || ev.Body.Name == "error") && !slices.Contains(v.UsualLog, ev.Body.Name+" "+ev.Body.Text)
	})
}
