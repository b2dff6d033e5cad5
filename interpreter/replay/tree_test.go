package replay_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// node is one thing that a random script does: an effect, a mark, a value, or
// parallel branches.
type node struct {
	op       string
	shared   bool // its arguments depend on what all branches did before
	branches [][]node
}

// grow makes a random script of about size effects.
func grow(r *rand.Rand, size, depth int, shared bool) []node {
	ops := []string{"t.read", "t.retry", "t.observe", "t.ask", "t.forgo", "run.sleep", "run.now", "run.random", "run.step", "run.log"}
	var list []node
	for size > 0 {
		if depth > 0 && size >= 2 && r.IntN(4) == 0 {
			n := node{op: "run.parallel"}
			for range 2 + r.IntN(2) {
				part := 1 + r.IntN(size)
				n.branches = append(n.branches, grow(r, part, depth-1, shared))
				if size -= part; size <= 0 {
					break
				}
			}
			list = append(list, n)
			continue
		}
		list = append(list, node{op: ops[r.IntN(len(ops))], shared: shared && r.IntN(2) == 0})
		size--
	}
	return list
}

// String shows the script: a bracket for each parallel{}.
func (n node) String() string {
	if n.op != "run.parallel" {
		return strings.TrimPrefix(n.op, "t.")
	}
	parts := make([]string, len(n.branches))
	for i, b := range n.branches {
		parts[i] = fmt.Sprint(b)
	}
	return "(" + strings.Join(parts, " | ") + ")"
}
