package simulate

import (
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// timing is what in the remains of two runs tells when they began. It is found by
// holding remains of the same runs, at another time, against each other.
type timing struct {
	// named holds tables with members that are called by the time: the table, and a
	// member's name without its digits. Such members are told together.
	named map[string]bool
	// values holds what is another value each time: of some, as many in each (true),
	// so that one that is missing is found.
	values map[string]bool
}

func newTiming() *timing { return &timing{map[string]bool{}, map[string]bool{}} }

var digits = lazyregexp.New(`[0-9]+`)

// undated is a member's name without its digits.
func undated(member string) string { return digits.ReplaceAllString(member, "#") }

// learn takes pairs of remains, each of the same runs in the same order at two
// times.
func (t *timing) learn(pairs [][2]remains) {
	for grown := true; grown; { // by what a table in a table is called shows once the outer one is known
		grown = false
		for _, p := range pairs {
			one, other := p[0].called(t.call), p[1].called(t.call)
			for _, name := range one.differ(other) {
				if one[name] != nil && other[name] != nil {
					continue
				}
				if mark := markOf(name, one, other); mark != "" && !t.named[mark] {
					t.named[mark], grown = true, true
				}
			}
		}
	}
	for _, p := range pairs {
		one, other := p[0].called(t.call), p[1].called(t.call)
		for _, name := range one.differ(other) {
			a, b := one[name], other[name]
			many, known := t.values[name]
			t.values[name] = (many || !known) && a != nil && b != nil && a.count() == b.count()
		}
	}
}

// markOf returns how a member is marked that only one of two has: it stands in
// the first table above the value that both have. Its name does not tell the time
// where it is empty.
func markOf(name string, one, other remains) string {
	path := strings.Split(name, "\x00")
	for i := len(path) - 1; i > 0; i-- {
		table := strings.Join(path[:i], "\x00")
		if !one.has(table) || !other.has(table) {
			continue
		}
		if as := undated(path[i]); as != path[i] {
			return table + "\x00" + as
		}
		return ""
	}
	return ""
}

// has reports whether something is left in a table.
func (r remains) has(table string) bool {
	for name := range r {
		if strings.HasPrefix(name, table+"\x00") {
			return true
		}
	}
	return false
}

// call returns a name in which nothing tells the time.
func (t *timing) call(name string) string {
	path := strings.Split(name, "\x00")
	as := path[0]
	for _, member := range path[1:] {
		if mark := as + "\x00" + undated(member); t.named[mark] {
			as = mark
			continue
		}
		as += "\x00" + member
	}
	return as
}

// differ returns what two have left otherwise, whenever they began.
func (t *timing) differ(r, o remains) []string {
	return slices.DeleteFunc(r.differ(o), func(name string) bool {
		a, b := r[name], o[name]
		many, moves := t.values[name]
		return moves && (!many || a != nil && b != nil && a.count() == b.count())
	})
}

// count returns how many values there are, and how many of them are gone.
func (r *remain) count() (n [2]int) {
	for _, value := range r.values {
		n[0]++
		if value == "" {
			n[1]++
		}
	}
	return n
}
