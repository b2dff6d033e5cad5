package window

import (
	"testing"
	"time"
)

// TestInTime: what is near is told in seconds, and never as no time at all.
func TestInTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		27 * time.Second:                "27s",
		9*time.Minute + 59*time.Second:  "9m59s",
		10*time.Minute + 29*time.Second: "10m",
		26*time.Hour + 40*time.Second:   "1d2h1m",
	} {
		if got := inTime(d); got != want {
			t.Errorf("%s is told as %s, want %s", d, got, want)
		}
	}
}
