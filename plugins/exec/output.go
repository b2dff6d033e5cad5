package exec

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const (
	tailSize = 64 << 10 // what is kept of the output
	lineSize = 4 << 10  // where a line without an end is cut for showing
)

// output takes what a program writes: it shows each line and keeps the tail.
// Secrets are replaced before either. It is for one goroutine.
type output struct {
	scrub *scrubber
	show  func(line string)
	line  []byte // not shown yet
	tail  []byte // up to twice tailSize, so that it is moved rarely
	total int64  // bytes, after scrubbing
}

func newOutput(scrub *scrubber, show func(line string)) *output {
	return &output{scrub: scrub.fresh(), show: show}
}

// write takes the next bytes.
func (o *output) write(p []byte) { o.take(o.scrub.write(p)) }

// close takes note that there will be no more.
func (o *output) close() {
	o.take(o.scrub.flush())
	if len(o.line) > 0 {
		o.emit(o.line)
		o.line = nil
	}
}

func (o *output) take(p []byte) {
	o.total += int64(len(p))
	o.tail = append(o.tail, p...)
	if len(o.tail) > 2*tailSize {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-tailSize:]...)
	}
	o.line = append(o.line, p...)
	for {
		end := bytes.IndexByte(o.line, '\n')
		switch {
		case end >= 0:
			o.emit(o.line[:end])
			o.line = o.line[end+1:]
		case len(o.line) > lineSize:
			o.emit(o.line[:lineSize])
			o.line = o.line[lineSize:]
		default:
			return
		}
	}
}

// emit shows a line; of one that rewrote itself with carriage returns, what
// would stand on the screen.
func (o *output) emit(line []byte) {
	text := strings.TrimRight(string(line), "\r")
	if at := strings.LastIndexByte(text, '\r'); at >= 0 {
		text = text[at+1:]
	}
	o.show(strings.ToValidUTF8(text, "\uFFFD"))
}

// kept returns the tail, and whether there was more before it. A character
// that the cut went through is left out.
func (o *output) kept() (text string, truncated bool) {
	tail := o.tail
	if o.total <= tailSize {
		return string(tail), false
	}
	tail = tail[len(tail)-tailSize:]
	for i := 0; i < utf8.UTFMax-1 && len(tail) > 0 && !utf8.RuneStart(tail[0]); i++ {
		tail = tail[1:]
	}
	return string(tail), true
}

// lastLines returns the end of the output for an error: a few lines, and not
// too much of them.
func (o *output) lastLines() string {
	const lines, size = 5, 800
	text, _ := o.kept()
	text = strings.ToValidUTF8(strings.TrimRight(text, "\r\n\t "), "\uFFFD")
	all := strings.Split(text, "\n")
	text = strings.Join(all[max(0, len(all)-lines):], "\n")
	if runes := []rune(text); len(runes) > size {
		text = "…" + string(runes[len(runes)-size:])
	}
	return text
}
