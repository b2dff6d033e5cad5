package output

import (
	"fmt"
	"sync"
	"time"
)

// Throttle leaves out what is said too fast for a person's eyes, and says how
// much that was.
type Throttle struct {
	Tell  func(line string)
	Lines int // shown in a second
	Bytes int // the same

	now   func() time.Time // nil for the machine's clock
	mu    sync.Mutex
	since time.Time // when the second began
	lines int
	bytes int
	left  int // lines left out
}

// Line hands a line on, or leaves it out.
func (t *Throttle) Line(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.clock(); now.Sub(t.since) >= time.Second || now.Before(t.since) {
		t.flush()
		t.since, t.lines, t.bytes = now, 0, 0
	}
	t.lines++
	t.bytes += len(text)
	if t.lines > t.Lines || t.bytes > t.Bytes {
		t.left++
		return
	}
	t.Tell(text)
}

// Over tells what was left out at the end. It returns nil.
func (t *Throttle) Over() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	return nil
}

func (t *Throttle) clock() time.Time {
	if t.now == nil {
		return time.Now()
	}
	return t.now()
}

func (t *Throttle) flush() {
	if t.left > 0 {
		t.Tell(fmt.Sprintf("it says too much at a time; lines left out: %d", t.left))
		t.left = 0
	}
}
