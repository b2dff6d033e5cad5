package effect

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Place is where in a run's course an effect or a mark stands. It is the same
// in every replay, is stored as it is printed, and compares with ==.
//
// A place is a path of segments, joined by dots:
//
//	7          the seventh effect of the main chunk
//	7.2        the second effect inside the composite at 7
//	7.a        branch a of the parallel{} at 7; its end is marked there
//	7.a.2      the second effect of that branch
//	7.@1.2     the second effect of the first branch, where they have no names
//	~3, 7.a.~3 the third mark (a step, a log line) of a chunk or a branch
//	r1.2       the second registered function in the first attempt at a rollback
//	r1.2.1     its first effect
//	q1         a question that the engine asks at the end of the main chunk
//	7.p2       the question whether 7.2 may be done, which a plan does not show
//
// What a segment means follows from what stands before it: branches have a
// number before them, so one may be called r1 or p. The zero Place is the main
// chunk itself.
type Place string

// RollbackPlace is the place of a registered function in an attempt at a
// rollback; both count from 1.
func RollbackPlace(attempt, index int) Place {
	return Place("r" + strconv.Itoa(attempt) + "." + strconv.Itoa(index))
}

// QuestionPlace is the place of a question that the engine asks by itself.
func QuestionPlace(n int) Place { return Place("q" + strconv.Itoa(n)) }

// Effect is the place of the n-th effect of what stands at p.
func (p Place) Effect(n int) Place { return p.child(strconv.Itoa(n)) }

// Mark is the place of the n-th mark of what stands at p.
func (p Place) Mark(n int) Place { return p.child("~" + strconv.Itoa(n)) }

// Branch is the place of a named branch of the parallel{} at p.
func (p Place) Branch(name string) Place { return p.child(name) }

// Listed is the place of the n-th branch of a parallel{} at p whose branches
// have no names; it counts from 1.
func (p Place) Listed(n int) Place { return p.child("@" + strconv.Itoa(n)) }

// Guard is the place of the question whether the effect at p may be carried
// out.
func (p Place) Guard() Place { return p.Parent().child("p" + p.last()) }

func (p Place) child(segment string) Place {
	if p == "" {
		return Place(segment)
	}
	return p + "." + Place(segment)
}

// Parent is the place of what p stands in: a composite, a branch, a parallel{},
// a function of a rollback; "" if that is the main chunk.
func (p Place) Parent() Place {
	if i := strings.LastIndexByte(string(p), '.'); i >= 0 {
		return p[:i]
	}
	return ""
}

func (p Place) last() string { return string(p[strings.LastIndexByte(string(p), '.')+1:]) }

// Within reports whether p stands inside q, however deep. Everything stands
// inside "".
func (p Place) Within(q Place) bool {
	return q == "" && p != "" || len(p) > len(q) && p[len(q)] == '.' && p[:len(q)] == q
}

// Rollback returns which attempt at a rollback, and which registered function
// in it, p belongs to; ok is false for the main chunk's places.
func (p Place) Rollback() (attempt, index int, ok bool) {
	first, rest, _ := strings.Cut(string(p), ".")
	if len(first) < 2 || first[0] != 'r' {
		return 0, 0, false
	}
	second, _, _ := strings.Cut(rest, ".")
	attempt, errA := strconv.Atoi(first[1:])
	index, errB := strconv.Atoi(second)
	return attempt, index, errA == nil && errB == nil
}

// IsMark reports whether p is that of a mark.
func (p Place) IsMark() bool { return strings.HasPrefix(p.last(), "~") }

// InRollback reports whether p belongs to a rollback.
func (p Place) InRollback() bool { return len(p) > 0 && p[0] == 'r' }

// Asked reports whether p is that of a question which the engine asks at the
// end of the main chunk.
func (p Place) Asked() bool { return len(p) > 0 && p[0] == 'q' }

// BranchName returns the name of the innermost branch that p stands in, "1" for
// the first of those without names, and "" outside of any.
func (p Place) BranchName() string {
	line := p.Line()
	if !isBranch(line.last()) || line.Parent() == "" {
		return ""
	}
	return strings.TrimPrefix(line.last(), "@")
}

// Line is the line of control that p belongs to: the innermost branch or
// function of a rollback that it stands in, or "" for the main chunk. The end
// of a branch belongs to the line that started it.
func (p Place) Line() Place {
	for p = p.Parent(); p != ""; p = p.Parent() {
		parent := p.Parent()
		if parent != "" && isBranch(p.last()) || parent != "" && parent.Parent() == "" && parent.InRollback() {
			return p
		}
	}
	return ""
}

// Composite returns the place of the composite that the effect or mark at p is
// a part of; ok is false if the script itself asked for it.
func (p Place) Composite() (Place, bool) {
	parent := p.Parent()
	if parent == "" || parent == p.Line() {
		return "", false
	}
	return parent, true
}

// isBranch reports whether a segment that is not the first of its place names a
// branch. Those of guards ("p2") are taken for one, which does no harm: nothing
// stands inside them.
func isBranch(segment string) bool {
	return segment != "" && segment[0] != '~' && (segment[0] < '0' || segment[0] > '9')
}

// Fork returns where the lines of control of p and q part: the parallel{} and
// the two branches of it that they stand in. ok is false if one comes before
// the other on a line that they share.
func (p Place) Fork(q Place) (parallel, a, b Place, ok bool) {
	for start := 0; ; {
		x, _, moreP := strings.Cut(string(p[start:]), ".")
		y, _, moreQ := strings.Cut(string(q[start:]), ".")
		switch {
		case !moreP || !moreQ:
			return "", "", "", false
		case x == y:
			start += len(x) + 1
		case start == 0 || !isBranch(x) || !isBranch(y):
			return "", "", "", false
		default:
			return p[:start-1], p[:start+len(x)], q[:start+len(y)], true
		}
	}
}

// Concurrent reports whether p and q stand in different branches of one
// parallel{}, so that neither comes before the other in the script.
func (p Place) Concurrent(q Place) bool {
	_, _, _, ok := p.Fork(q)
	return ok
}

// Compare orders places as they stand in a script: 2 before 10, the main chunk
// before its rollback, branches by their names.
func (p Place) Compare(q Place) int {
	x, y := string(p), string(q)
	for first := true; x != "" && y != ""; first = false {
		a, restA, _ := strings.Cut(x, ".")
		b, restB, _ := strings.Cut(y, ".")
		if c := compareSegments(a, b, first); c != 0 {
			return c
		}
		x, y = restA, restB
	}
	return cmp.Compare(len(x), len(y))
}

func compareSegments(a, b string, first bool) int {
	headA, headB := strings.TrimRight(a, "0123456789"), strings.TrimRight(b, "0123456789")
	if headA == headB && (first || headA == "" || headA == "~" || headA == "@") {
		m, errM := strconv.Atoi(a[len(headA):])
		n, errN := strconv.Atoi(b[len(headB):])
		if errM == nil && errN == nil && m != n {
			return cmp.Compare(m, n)
		}
	}
	return cmp.Compare(a, b)
}

// ParsePlace reads a place that a person wrote.
func ParsePlace(text string) (Place, error) {
	bad := func(segment string) error {
		return fmt.Errorf("%q is no place in a run: %q means nothing there; `runbook show` prints places such as 7, 7.a.2 or r1.2.1", text, segment)
	}
	segments := strings.Split(text, ".")
	for i, s := range segments {
		switch head, number := splitNumber(s); {
		case head == "" && number > 0: // an effect, or a registered function
		case head == "~" && number > 0 && i == len(segments)-1:
		case i == 0 && head == "q" && number > 0 && len(segments) == 1:
		case i == 0 && head == "r" && number > 0 && len(segments) > 1:
			if head, number := splitNumber(segments[1]); head != "" || number == 0 {
				return "", bad(segments[1])
			}
		case i == 0 && head == "p" && number > 0 && len(segments) == 1:
		case i > 0 && head == "@" && number > 0, i > 0 && BranchNamed(s):
			if head, number := splitNumber(segments[i-1]); head != "" || number == 0 { // of the parallel{}
				return "", bad(s)
			}
		default:
			return "", bad(s)
		}
	}
	return Place(text), nil
}

// splitNumber splits a segment into a mark and a number from 1 on, written
// without zeros before it; the number is 0 if there is none.
func splitNumber(segment string) (head string, number int) {
	digits := strings.TrimLeft(segment, "~@pqr")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || strconv.Itoa(n) != digits {
		return segment, 0
	}
	return strings.TrimSuffix(segment, digits), n
}

// BranchNamed reports whether a branch of parallel{} may have the name: letters,
// digits, _ and -, of which the first is a letter or _.
func BranchNamed(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != ""
}
