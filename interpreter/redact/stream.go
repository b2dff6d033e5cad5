package redact

import "slices"

// Stream takes a text in pieces and returns it without the secrets, whatever
// the pieces. It holds back what may be the beginning of a secret until more is
// known, but never a line that has ended with fewer than Least bytes of one:
// who watches a program sees its lines as they come. It is for one goroutine.
type Stream struct {
	s       *Scrubber
	cursors []cursor
	held    []byte // the text from shown on
	shown   int64  // how much of the text was given out or replaced
	pos     int64  // how much of the text was read
	spans   []span // found and not given out yet, apart and in order
	masked  int64  // up to where the label that was given out last counts
	changed bool
	out     []byte
}

const (
	// piece is how much of a text is read at a time, so that what was found in
	// it is soon given out.
	piece = 4 << 10
	// maxSkipped is the longest run of bytes that do not count within a secret.
	maxSkipped = 8
)

// cursor is where one automaton stands.
type cursor struct {
	at      int32
	places  []int64 // of the last bytes that count, as a ring
	count   int64   // of bytes that count
	skipped int     // since the last of them
	floor   int64   // nothing before it is held back
}

// span is a part of the text that holds secrets.
type span struct {
	from, to int64
	label    int32
	goesOn   bool // the label was given out already
}

// Stream begins a text.
func (s *Scrubber) Stream() *Stream {
	st := &Stream{s: s}
	if s.Empty() {
		return st
	}
	st.cursors = make([]cursor, len(s.finders))
	for i, a := range s.finders {
		st.cursors[i].places = make([]int64, a.depth+1)
	}
	return st
}

// Changed reports whether a secret was replaced so far.
func (st *Stream) Changed() bool { return st.changed }

// Write takes the next piece and returns what may be shown now; it is valid
// until the next call.
func (st *Stream) Write(p []byte) []byte {
	if len(st.cursors) == 0 {
		return p
	}
	st.out = st.out[:0]
	for len(p) > 0 {
		n := min(len(p), piece)
		st.read(p[:n])
		p = p[n:]
	}
	return st.out
}

func (st *Stream) read(p []byte) {
	for i, a := range st.s.finders {
		st.find(a, &st.cursors[i], p)
	}
	st.held = append(st.held, p...)
	st.pos += int64(len(p))
	safe := st.pos
	for i, a := range st.s.finders {
		c := &st.cursors[i]
		if d := int64(a.nodes[c.at].depth); d > 0 {
			safe = min(safe, max(c.floor, c.place(d)))
		}
	}
	st.emit(safe)
}

// Close ends the text and returns what was held back.
func (st *Stream) Close() []byte {
	if len(st.cursors) == 0 {
		return nil
	}
	st.out = st.out[:0]
	st.emit(st.pos)
	return st.out
}

// cut takes what may be the beginning of a secret for one.
func (st *Stream) cut() {
	for i, a := range st.s.finders {
		c := &st.cursors[i]
		if n := a.nodes[c.at]; n.depth >= Least {
			st.add(span{from: c.place(int64(n.depth)), to: st.pos, label: a.below(c.at)})
		}
	}
}

// find reads a piece with one automaton.
func (st *Stream) find(a *automaton, c *cursor, p []byte) {
	size := int64(len(c.places))
	for i, b := range p {
		here := st.pos + int64(i)
		by, counts := a.read(b)
		if counts {
			c.places[c.count%size] = here
			c.count, c.skipped = c.count+1, 0
			c.at = a.step(c.at, by)
			if n := &a.nodes[c.at]; n.found > 0 {
				st.add(span{from: c.place(int64(n.found)), to: here + 1, label: n.label})
			}
		} else if c.skipped++; c.skipped > maxSkipped {
			c.at = 0
		}
		if b == '\n' && a.nodes[c.at].depth < Least {
			c.floor = here + 1
		}
	}
}

// place is where the last n bytes that count begin.
func (c *cursor) place(n int64) int64 { return c.places[(c.count-n)%int64(len(c.places))] }

// add joins a span with those that it overlaps. The one that begins first gives
// the name, of two that begin together the longer one.
func (st *Stream) add(n span) {
	if n.from < st.shown { // after a line end, or within what was replaced
		n.from, n.goesOn = st.shown, n.from < st.masked
	}
	if n.from >= n.to {
		return
	}
	i := len(st.spans)
	for i > 0 && st.spans[i-1].from >= n.to { // of another automaton, further on
		i--
	}
	j := i
	for ; j > 0 && st.spans[j-1].to > n.from; j-- {
		o := st.spans[j-1]
		if o.from < n.from || o.from == n.from && o.to > n.to {
			n.label = o.label
		}
		n.from, n.to, n.goesOn = min(n.from, o.from), max(n.to, o.to), n.goesOn || o.goesOn
	}
	st.spans = slices.Replace(st.spans, j, i, n)
}

// emit gives out the text before safe, where no secret can begin any more.
func (st *Stream) emit(safe int64) {
	base := st.shown
	give := func(to int64) {
		if to > st.shown {
			st.out = append(st.out, st.held[st.shown-base:to-base]...)
			st.shown = to
		}
	}
	n := 0
	for ; n < len(st.spans) && st.spans[n].from < safe; n++ {
		sp := st.spans[n]
		give(sp.from)
		if !sp.goesOn {
			st.out = append(st.out, st.s.labels[sp.label]...)
		}
		st.masked, st.shown, st.changed = sp.to, sp.to, true
	}
	st.spans = append(st.spans[:0], st.spans[n:]...)
	give(safe)
	st.held = append(st.held[:0], st.held[st.shown-base:]...)
}

// below returns the label of a needle that goes on from a node.
func (a *automaton) below(at int32) int32 {
	for a.nodes[at].child != 0 && a.nodes[at].found == 0 {
		at = a.nodes[at].child
	}
	return a.nodes[at].label
}
