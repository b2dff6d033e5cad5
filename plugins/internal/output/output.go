// Package output takes what a program writes, wherever it runs: it shows lines,
// keeps tails, and takes secrets out.
package output

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins/internal/plainjson"
)

const (
	TailSize  = 64 << 10 // what is kept of each stream, and of both
	jsonLimit = 4 << 20  // of the standard output that is to be decoded
	lineSize  = 4 << 10  // of a line that is shown
	tailLines = 10       // what is shown with output = "tail"
)

// The streams of a program.
const (
	Stdout = iota
	Stderr
)

// Output takes what a program writes: it shows each line and keeps the tail of
// either stream and of both. Secrets are replaced before any of it. It is for
// one goroutine.
type Output struct {
	scrub   *redact.Scrubber
	streams [2]stream
	both    Tail
	raw     *bytes.Buffer // all of the standard output as it came, to be decoded; nil if it is not
	tooMuch bool          // there was more than raw may hold
}

type stream struct {
	scrub *redact.Stream
	tail  Tail
	line  line
}

// New returns an Output that hands lines to show, which may be nil.
func New(scrub *redact.Scrubber, show func(line string), decodes bool) *Output {
	o := &Output{scrub: scrub}
	for i := range o.streams {
		o.streams[i] = stream{scrub: scrub.Stream(), line: line{show: show}}
	}
	if decodes {
		o.raw = &bytes.Buffer{}
	}
	return o
}

// Hush keeps the lines of a stream from being shown.
func (o *Output) Hush(which int) { o.streams[which].line.show = nil }

// Write takes the next bytes of a stream.
func (o *Output) Write(which int, p []byte) {
	if which == Stdout && o.raw != nil {
		n := min(len(p), jsonLimit-o.raw.Len())
		o.raw.Write(p[:n])
		o.tooMuch = o.tooMuch || n < len(p)
	}
	o.take(which, o.streams[which].scrub.Write(p))
}

// Close takes note that there will be no more.
func (o *Output) Close() {
	for i := range o.streams {
		o.take(i, o.streams[i].scrub.Close())
		o.streams[i].line.end()
	}
}

func (o *Output) take(which int, p []byte) {
	o.streams[which].tail.write(p)
	o.both.write(p)
	o.streams[which].line.write(p)
}

// Changed reports whether a secret was replaced.
func (o *Output) Changed() bool {
	return o.streams[Stdout].scrub.Changed() || o.streams[Stderr].scrub.Changed()
}

// Stream returns what is kept of one of the streams.
func (o *Output) Stream(which int) *Tail { return &o.streams[which].tail }

// Both returns what is kept of both streams, in the order in which it came.
func (o *Output) Both() *Tail { return &o.both }

// ShowTail hands the last lines of both streams to show.
func (o *Output) ShowTail(show func(line string)) {
	if len(o.both.kept) == 0 {
		return
	}
	for line := range strings.SplitSeq(o.both.LastLines(tailLines, lineSize), "\n") {
		show(line)
	}
}

// Ending returns the last lines for the end of a message.
func (o *Output) Ending() string {
	if last := o.both.LastLines(5, 800); last != "" {
		return "; its last lines:\n" + last
	}
	return "; it wrote nothing"
}

// JSON decodes the standard output.
func (o *Output) JSON() (any, error) {
	if o.tooMuch {
		return nil, fmt.Errorf("it has more than %d MiB", jsonLimit>>20)
	}
	return plainjson.Decode(o.raw.Bytes())
}

// Head returns the beginning of the standard output that is to be decoded: at
// most so many characters, secrets replaced.
func (o *Output) Head(size int) string {
	text := strings.ToValidUTF8(o.scrub.Text(string(o.raw.Bytes()[:min(o.raw.Len(), TailSize)])), "\uFFFD")
	if runes := []rune(text); len(runes) > size {
		text = string(runes[:size]) + "…"
	}
	return text
}

// Tail keeps the end of what is written to it.
type Tail struct {
	kept  []byte // up to twice TailSize, so that it is moved rarely
	total int64
}

func (t *Tail) write(p []byte) {
	t.total += int64(len(p))
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*TailSize {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-TailSize:]...)
	}
}

// Text returns the tail, and whether there was more before it. It begins with
// a line, unless that would leave little, and with a whole character: the rest
// of a secret that was cut would be known to nobody.
func (t *Tail) Text() (text string, truncated bool) {
	kept := t.kept
	if t.total <= TailSize {
		return string(kept), false
	}
	kept = kept[len(kept)-TailSize:]
	if i := bytes.IndexByte(kept, '\n'); i >= 0 && i < TailSize/2 {
		return string(kept[i+1:]), true
	}
	for i := 0; i < utf8.UTFMax-1 && len(kept) > 0 && !utf8.RuneStart(kept[0]); i++ {
		kept = kept[1:]
	}
	return string(kept), true
}

// LastLines returns the end of the text: a few whole lines, and not too much
// of them; of a single long line its beginning.
func (t *Tail) LastLines(lines, size int) string {
	text, _ := t.Text()
	text = strings.ToValidUTF8(strings.TrimRight(text, "\r\n\t "), "\uFFFD")
	all := strings.Split(text, "\n")
	all = all[max(0, len(all)-lines):]
	for len(all) > 1 && len(strings.Join(all, "\n")) > size {
		all = all[1:]
	}
	text = strings.Join(all, "\n")
	if runes := []rune(text); len(runes) > size {
		text = string(runes[:size]) + "…"
	}
	return text
}

// line hands on what is written to it line by line; of a long one the
// beginning.
type line struct {
	show func(line string)
	text []byte
	cut  bool // the rest of it is not shown
}

func (l *line) write(p []byte) {
	if l.show == nil {
		return
	}
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		if !l.cut {
			l.text = append(l.text, part...)
			if len(l.text) > lineSize {
				l.text, l.cut = append(l.text[:lineSize], "…"...), true
				l.emit()
			}
		}
		if end < 0 {
			return
		}
		if !l.cut {
			l.emit()
		}
		l.text, l.cut = l.text[:0], false
		p = p[end+1:]
	}
}

// end shows what came after the last end of a line.
func (l *line) end() {
	if l.show != nil && !l.cut && len(l.text) > 0 {
		l.emit()
	}
}

// emit shows the line; of one that rewrote itself with carriage returns, what
// would stand on the screen.
func (l *line) emit() {
	text := strings.TrimRight(string(l.text), "\r")
	if at := strings.LastIndexByte(text, '\r'); at >= 0 {
		text = text[at+1:]
	}
	l.show(strings.ToValidUTF8(text, "\uFFFD"))
}
