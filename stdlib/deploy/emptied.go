package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

var (
	// takesDown matches what ends all that runs on a machine, for a while or for good.
	takesDown = lazyregexp.New(`(?i)reboot|shutdown|poweroff|power-off|\bhalt\b|terminate|reimage|reinstall|kexec|patch|upgrade`)
	// emptiesItself matches commands that move away what runs there, in their own way.
	emptiesItself = lazyregexp.New(`(?i)drain|evict|migrate`)
)

// emptiedFirst finds machines that a run cordons and takes down with instances on them,
// and drains of those that are open, which the system refuses: in both something else
// than what was meant was emptied, or nothing.
func emptiedFirst(v *effect.View, e effect.Occurrence) string {
	if e.Place.InRollback() {
		return ""
	}
	if e.Module == "deploy" && e.Name == "drain" && e.Err != nil && e.Err.Code == effect.CodeConflict && e.Fault == "" {
		return fmt.Sprintf("%s is refused, for %s is open: cordon what is to be drained, and drain what was cordoned", e, plain.Str(e.Args, "node"))
	}
	line := model.Command(e.Args)
	if e.Module != "exec" && e.Module != "hosts" || !e.Wrote() || !takesDown.MatchString(line) || emptiesItself.MatchString(line) {
		return ""
	}
	past := v.Past()
	for _, p := range past {
		node := plain.Str(p.Args, "node")
		if p.Module != "deploy" || p.Name != "cordon" || p.Err != nil || !concerns(e, node) {
			continue
		}
		instances := instancesOn(v.State("deploy"), plain.Str(p.Args, "region"), node)
		otherwise := slices.ContainsFunc(past, func(o effect.Occurrence) bool {
			return (o.Module == "exec" || o.Module == "hosts") && o.Wrote() && emptiesItself.MatchString(model.Command(o.Args))
		})
		if instances > 0 && !otherwise {
			return fmt.Sprintf("%s takes %s down, which %s cordoned, and %g instances run there: cordoned it gets no more, and keeps what it has; drain it first", e, node, p, instances)
		}
	}
	return ""
}

// concerns reports whether a command is run on a machine, or names it.
func concerns(e effect.Occurrence, node string) bool {
	return node != "" && (slices.Contains(plain.List(e.Args["on"]), node) || slices.Contains(strings.Fields(model.Command(e.Args)), node))
}

// instancesOn returns how many instances run on a machine that is cordoned.
func instancesOn(state map[string]any, region, node string) float64 {
	if region != "" {
		state = plain.Table(plain.Table(state, "regions"), region)
	}
	of := plain.Table(plain.Table(state, "nodes"), node)
	if plain.Str(of, "state") != "cordoned" {
		return 0
	}
	return plain.Num(of, "instances")
}
