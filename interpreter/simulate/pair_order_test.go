package simulate

import (
	"testing"
	"time"
)

// TestRoundestLiesBetween: distances are told in few digits, and lie between the two
// crossings whatever these are.
func TestRoundestLiesBetween(t *testing.T) {
	for _, tt := range []struct {
		from, to time.Duration
		want     string
	}{
		{20 * time.Millisecond, 220 * time.Millisecond, "100ms"},
		{-220 * time.Millisecond, -20 * time.Millisecond, "-100ms"},
		{-time.Second, time.Second, "0s"},
		{3*time.Hour + time.Minute, 7 * time.Hour, "5h0m0s"},
		{0, 2, "1ns"},
		{0, 1, "none"},
	} {
		got := "none"
		if d, ok := roundest(tt.from, tt.to); ok {
			got = d.String()
		}
		if got != tt.want {
			t.Errorf("between %s and %s: %s, want %s", tt.from, tt.to, got, tt.want)
		}
	}
}
