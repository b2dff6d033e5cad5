package redact

import (
	"io"
	"sync"
)

// Writer takes the secrets out of what is written to another one, also of those
// that are learned meanwhile, and wherever the pieces are cut. It holds back
// what may be the beginning of a secret; see [Stream].
type Writer struct {
	known *Known
	next  io.Writer

	mu     sync.Mutex
	scrub  *Scrubber
	stream *Stream
}

// Writer returns one that writes to next.
func (k *Known) Writer(next io.Writer) *Writer { return &Writer{known: k, next: next} }

// Write never takes part of p only.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if scrub := w.known.Scrubber(); w.stream == nil || scrub != w.scrub {
		if err := w.flush(); err != nil {
			return 0, err
		}
		w.scrub, w.stream = scrub, scrub.Stream()
	}
	if _, err := w.next.Write(w.stream.Write(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush ends the text: it writes what was held back.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

func (w *Writer) flush() error {
	if w.stream == nil {
		return nil
	}
	w.stream.cut()
	_, err := w.next.Write(w.stream.Close())
	w.stream = nil
	return err
}
