package db

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// stale is how many seconds a replica may be behind that gets readers.
const stale = 300

// readersBehind finds replicas that get traffic while they are far behind, as one is
// that has just been made: readers see what was, or nothing. What modules call by one
// name is one thing. One that served like that before has readers who put up with it.
func readersBehind(v *effect.View, e effect.Occurrence) string {
	if !e.Wrote() {
		return ""
	}
	for _, c := range e.Changes {
		from, _ := c.From.(float64)
		to, _ := c.To.(float64)
		if len(c.Path) < 2 || c.Path[len(c.Path)-2] != "weights" || c.Module != "traffic" || to <= from {
			continue
		}
		name := c.Path[len(c.Path)-1]
		node := plain.Table(plain.Table(v.State("db"), "nodes"), name)
		before := plain.Table(plain.Table(v.Begin("db"), "nodes"), name)
		if lag := plain.Num(node, "lag"); lag > stale && node["up"] != false && node["writable"] != true && !(served(v, c.Path) && plain.Num(before, "lag") > stale) {
			return fmt.Sprintf("%s gives readers to %s, which is %s behind: wait until db.lag tells that it has caught up", e, name, effect.FormatDuration(effect.Seconds(lag)))
		}
	}
	return ""
}

// served reports whether what a path leads to took traffic when the run began.
func served(v *effect.View, path []string) bool { return serves(v.Begin("traffic"), path) }

// serves reports whether what a path leads to takes traffic in a state.
func serves(state map[string]any, path []string) bool {
	for _, name := range path[:len(path)-1] {
		state = plain.Table(state, name)
	}
	return plain.Num(state, path[len(path)-1]) > 0
}
