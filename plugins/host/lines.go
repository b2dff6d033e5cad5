package host

import (
	"bytes"
	"strings"
	"sync"
)

// maxLine bounds one line of a plugin's output; longer ones are broken up.
const maxLine = 64 << 10

// lines is a Writer that hands on what is written line by line.
type lines struct {
	emit func(line string)

	mu   sync.Mutex
	rest []byte
}

// Write never fails.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		switch {
		case i >= 0:
			l.emit(strings.TrimSuffix(string(append(l.rest, p[:i]...)), "\r"))
			l.rest, p = l.rest[:0], p[i+1:]
		case len(l.rest)+len(p) > maxLine:
			l.emit(string(append(l.rest, p...)))
			l.rest, p = l.rest[:0], nil
		default:
			l.rest, p = append(l.rest, p...), nil
		}
	}
	return n, nil
}
