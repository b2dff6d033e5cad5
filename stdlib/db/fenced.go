package db

import (
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

var (
	// fences matches commands after which a server takes no more writes, stops those
	// after which it does not if they are about what keeps data, and begins those after
	// which it may again.
	fences = lazyregexp.New(`(?i)\b(fence|fencing|stonith|poweroff|power-off|shutdown|halt|isolate|demote|read-?only)\b`)
	stops  = lazyregexp.New(`(?i)\b(stop|mask|kill)\b`)
	begins = lazyregexp.New(`(?i)\b(start|restart|unfence|poweron|power-on|unmask|boot)\b`)
	// parts splits a name, or a command, into what may be the name of a node.
	parts = lazyregexp.New(`[^-._/\s:=,]+`)
)

// stores matches units that keep data themselves: to stop one is part of its restore.
var stores = lazyregexp.New(`(?i)postgres|pgsql|pg_?ctl|patroni|mysql|maria|percona|redis|mongo|sqlite|database`)

// fenced reports whether a run stopped the server of a node, as far as calls of other
// modules say so: a unit that keeps data, or the machine, on what has the node's name
// (db-a of a), or by a command that names it. db itself does not know of it.
func fenced(v *effect.View, node string) bool {
	named := func(text string) bool { return text == node || slices.Contains(parts.FindAllString(text, -1), node) }
	stopped := false
	for _, e := range v.Past() {
		if !e.Class.Writes() || e.Err != nil || e.Module != "hosts" && e.Module != "exec" {
			continue
		}
		line := strings.TrimSpace(model.Command(e.Args) + " " + plain.Str(e.Args, "title"))
		at := slices.ContainsFunc(plain.List(e.Args["on"]), named)
		switch {
		case e.Module == "hosts" && e.Name == "service":
			if at && stores.MatchString(plain.Str(e.Args, "name")) {
				stopped = e.Args["action"] == "stop"
			}
		case !at && !(e.Module == "exec" && named(line)):
		case fences.MatchString(line), stops.MatchString(line) && stores.MatchString(line):
			stopped = true
		case begins.MatchString(line):
			stopped = false
		}
	}
	return stopped
}
