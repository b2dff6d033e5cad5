package output

import (
	"strings"
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	now := time.Unix(1000, 0)
	var told []string
	th := &Throttle{Tell: func(line string) { told = append(told, line) }, Lines: 20, Bytes: 1000, now: func() time.Time { return now }}
	for range th.Lines + 10 {
		th.Line("x")
	}
	if len(told) != th.Lines {
		t.Errorf("%d lines in one second", len(told))
	}
	now = now.Add(time.Second)
	th.Line(strings.Repeat("y", th.Bytes))
	th.Line("y")
	if n := len(told) - th.Lines; n != 2 || told[th.Lines] != "it says too much at a time; lines left out: 10" {
		t.Errorf("then %d lines, the first %.60q", n, told[th.Lines])
	}
	if err := th.Over(); err != nil || told[len(told)-1] != "it says too much at a time; lines left out: 1" {
		t.Errorf("at the end %.60q, %v", told[len(told)-1], err)
	}
}
