package host

import (
	"strings"
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	now := time.Unix(1000, 0)
	var told []string
	th := &throttle{tell: func(line string) { told = append(told, line) }, now: func() time.Time { return now }}
	for range maxSaidLines + 10 {
		th.line("x")
	}
	if len(told) != maxSaidLines {
		t.Errorf("%d lines in one second", len(told))
	}
	now = now.Add(time.Second)
	th.line(strings.Repeat("y", maxSaidBytes))
	th.line("y")
	if n := len(told) - maxSaidLines; n != 2 || told[maxSaidLines] != "it says too much at a time; lines left out: 10" {
		t.Errorf("then %d lines, the first %.60q", n, told[maxSaidLines])
	}
	if err := th.over(); err != nil || told[len(told)-1] != "it says too much at a time; lines left out: 1" {
		t.Errorf("at the end %.60q, %v", told[len(told)-1], err)
	}
}
