package host

import (
	"fmt"
	"sync"
	"time"
)

const (
	// maxSaidLines and maxSaidBytes bound what of a plugin's output is shown in a
	// second: it is for a person's eyes.
	maxSaidLines = 2000
	maxSaidBytes = 1 << 20
)

// throttle leaves out what a plugin says too fast, and says how much that was.
type throttle struct {
	tell func(line string)
	now  func() time.Time

	mu    sync.Mutex
	since time.Time // when the second began
	lines int
	bytes int
	left  int // lines left out
}

// line hands a line on, or leaves it out.
func (t *throttle) line(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.now(); now.Sub(t.since) >= time.Second || now.Before(t.since) {
		t.flush()
		t.since, t.lines, t.bytes = now, 0, 0
	}
	t.lines++
	t.bytes += len(text)
	if t.lines > maxSaidLines || t.bytes > maxSaidBytes {
		t.left++
		return
	}
	t.tell(text)
}

// over tells what was left out at the end.
func (t *throttle) over() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	return nil
}

func (t *throttle) flush() {
	if t.left > 0 {
		t.tell(fmt.Sprintf("it says too much at a time; lines left out: %d", t.left))
		t.left = 0
	}
}
