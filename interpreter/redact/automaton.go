package redact

// automaton finds every needle of a set in one pass (Aho and Corasick). Its
// children are lists and not tables, because encoded forms make many nodes and
// few of them branch.
type automaton struct {
	nodes []node
	first [256]int32 // the children of the root
	depth int        // of the deepest node
	// read says what a byte of the text counts as; false skips it.
	read func(b byte) (byte, bool)
}

type node struct {
	child, sibling int32
	fail           int32 // where the longest other beginning of a needle stands
	depth          int32
	found          int32 // length of the longest needle that ends here; 0 for none
	label          int32 // of that needle
	by             byte
}

func newAutomaton(read func(byte) (byte, bool)) *automaton {
	return &automaton{nodes: make([]node, 1), read: read}
}

// add takes a needle, written as read gives the text. Of two equal ones the
// first gives its label.
func (a *automaton) add(needle string, label int32) {
	at := int32(0)
	for i := range len(needle) {
		next := a.child(at, needle[i])
		if next == 0 {
			next = int32(len(a.nodes))
			a.nodes = append(a.nodes, node{by: needle[i], depth: a.nodes[at].depth + 1})
			if at == 0 {
				a.first[needle[i]] = next
			} else {
				a.nodes[next].sibling = a.nodes[at].child
				a.nodes[at].child = next
			}
		}
		at = next
	}
	if n := &a.nodes[at]; at != 0 && n.found == 0 {
		n.found, n.label = int32(len(needle)), label
		a.depth = max(a.depth, len(needle))
	}
}

func (a *automaton) child(at int32, by byte) int32 {
	if at == 0 {
		return a.first[by]
	}
	for c := a.nodes[at].child; c != 0; c = a.nodes[c].sibling {
		if a.nodes[c].by == by {
			return c
		}
	}
	return 0
}

// link makes the automaton ready, when all needles are in.
func (a *automaton) link() {
	queue := make([]int32, 0, len(a.nodes))
	for _, c := range a.first {
		if c != 0 {
			queue = append(queue, c)
		}
	}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		n := &a.nodes[at]
		if f := &a.nodes[n.fail]; n.found == 0 && n.fail != 0 {
			n.found, n.label = f.found, f.label
		}
		for c := n.child; c != 0; c = a.nodes[c].sibling {
			a.nodes[c].fail = a.step(n.fail, a.nodes[c].by)
			queue = append(queue, c)
		}
	}
}

// step goes on from a node by one byte.
func (a *automaton) step(at int32, by byte) int32 {
	for {
		if next := a.child(at, by); next != 0 || at == 0 {
			return next
		}
		at = a.nodes[at].fail
	}
}

// asIs reads a text as it stands.
func asIs(b byte) (byte, bool) { return b, true }

// folded reads a text without regard to the case of ASCII letters.
func folded(b byte) (byte, bool) {
	if 'A' <= b && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b, true
}

// asBase64 reads both alphabets as the standard one, over the ends of lines.
func asBase64(b byte) (byte, bool) {
	switch b {
	case '-':
		return '+', true
	case '_':
		return '/', true
	case '\r', '\n':
		return 0, false
	}
	return b, true
}

// asHex reads digits in lower case and skips what stands between them:
// "73:65", "73 65", "\x73\x65", "%73%65".
func asHex(b byte) (byte, bool) {
	switch b {
	case '\r', '\n', ' ', ':', '-', '\\', 'x', '%':
		return 0, false
	}
	return folded(b)
}
