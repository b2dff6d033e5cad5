package files

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/files"
)

const (
	// matchLimit is how much of a line the expression sees, in bytes.
	matchLimit = 1 << 20
	// resultLimit is how much text a search returns, in bytes.
	resultLimit = 1 << 20
	// sniff is how much of a file is looked at to tell whether it is text.
	sniff = 8 << 10
)

// finder is a search under way.
type finder struct {
	*job
	expr      *regexp.Regexp
	span      contract.Range
	max       int
	found     []any
	size      int // of the text in found
	truncated bool
	read      int64 // bytes of text so far
}

func (j *job) search() (map[string]any, *effect.Error) {
	expr, err := regexp.Compile(j.text("pattern"))
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "pattern: %v", err).WithHint("write an expression of RE2: https://github.com/google/re2/wiki/Syntax")
	}
	span, err := contract.NewRange(j.args, j.zone, j.now)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "%v", err)
	}
	c, e := j.choose("")
	if e != nil {
		return nil, e
	}
	defer c.close()
	limit, _ := j.args["max"].(float64)
	s := &finder{job: j, expr: expr, span: span, max: int(limit), found: []any{}}
	searched := 0
	for _, f := range c.regular() {
		text, e := s.file(&f)
		if e != nil {
			return nil, e
		}
		if text {
			searched++
		}
	}
	return map[string]any{"matches": s.found, "count": float64(len(s.found)), "truncated": s.truncated, "files": float64(searched)}, nil
}

// file searches one file; text says whether it is one of text.
func (s *finder) file(f *file) (text bool, e *effect.Error) {
	opened, e := f.open()
	if e != nil {
		return false, e
	}
	defer opened.Close()
	in := bufio.NewReaderSize(opened, 256<<10)
	if strings.HasSuffix(f.name, ".gz") {
		if begin, _ := in.Peek(2); !bytes.Equal(begin, []byte{0x1f, 0x8b}) && len(begin) > 0 {
			return false, effect.Errorf(effect.CodeFailed, "%s is not compressed by gzip, as its name says", f.name)
		} else if len(begin) > 0 {
			unpacked, err := gzip.NewReader(in)
			if err != nil {
				return false, unreadable(f.name, err)
			}
			in = bufio.NewReaderSize(unpacked, 256<<10)
		}
	}
	if begin, _ := in.Peek(sniff); bytes.IndexByte(begin, 0) >= 0 {
		return false, nil
	}
	cursor, lines := s.span.Cursor(), 0
	for {
		line, err := s.line(in)
		if err != nil && err != io.EOF {
			return true, unreadable(f.name, err)
		}
		if err == io.EOF && line == nil {
			break
		}
		lines++
		if lines%1024 == 1 {
			if e := s.ended("searching " + f.name); e != nil {
				return true, e
			}
			s.report("searched %s, %d lines found; now in %s", inBytes(s.read), len(s.found), f.name)
		}
		s.match(f.name, lines, string(line), cursor)
	}
	if s.span.Bounded() && !cursor.Seen && lines > 0 {
		return true, effect.Errorf(effect.CodeUnsupported, contract.NoTimes, f.name).WithHint(contract.Forms)
	}
	return true, nil
}

// line returns the next line without its end, of a long one the beginning; nil
// at the end of the file.
func (s *finder) line(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		s.read += int64(len(part))
		if len(part) > 0 && line == nil {
			line = []byte{}
		}
		line = append(line, part[:min(len(part), max(0, matchLimit-len(line)))]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			if e := s.ended("searching"); e != nil {
				return nil, e
			}
			continue
		}
		return bytes.TrimSuffix(line, []byte("\n")), err
	}
}

func (s *finder) match(name string, number int, line string, cursor *contract.Cursor) {
	in, at := cursor.Next(line)
	if !in || !s.expr.MatchString(strings.TrimSuffix(line, "\r")) {
		return
	}
	text := contract.ShownLine(line)
	if len(s.found) >= s.max || s.size+len(text) > resultLimit {
		s.truncated = true
		return
	}
	s.size += len(text)
	match := map[string]any{"file": name, "line": float64(number), "text": text}
	if !at.IsZero() {
		match["time"] = float64(at.UnixMicro()) / 1e6
	}
	s.found = append(s.found, match)
}
