package replay

import (
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// forked takes note of the branches that the script starts at a place.
func (r *Recorder) forked(call effect.Call) error {
	names := map[string]bool{}
	list, _ := call.Args["names"].([]any)
	for _, n := range list {
		if s, ok := n.(string); ok {
			names[s] = true
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return r.stop
	}
	r.branches[call.Place] = names
	return nil
}

// reachable reports whether the recorded effect at place next can be asked for
// while the branch that asks for place at is blocked. It can when the two
// stand in different branches of one parallel{}: their places differ first in
// the name of a branch that the script has started ("7.a.1" and "7.b.3").
// Everything else is one line of control, in which next had to come before:
// composites inside composites and the functions of a rollback, too.
func (r *Recorder) reachable(next, at string) bool {
	n, a := strings.Split(next, "."), strings.Split(at, ".")
	i := 0
	for i < len(n) && i < len(a) && n[i] == a[i] {
		i++
	}
	inBranches := len(n) > i+1 && len(a) > i+1
	return inBranches && r.branches[strings.Join(n[:i], ".")][n[i]]
}
