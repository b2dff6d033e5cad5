package lab

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	list := func(n int) []time.Duration {
		out := make([]time.Duration, n)
		for i := range out {
			out[i] = time.Duration(i + 1)
		}
		return out
	}
	for _, c := range []struct{ n, p, want int }{
		{0, 99, 0}, {1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {3, 50, 2}, {100, 50, 50}, {100, 99, 99}, {101, 99, 100}, {1000, 95, 950},
	} {
		if got := percentile(list(c.n), c.p); got != time.Duration(c.want) {
			t.Errorf("p%d of 1…%d: %d, want %d", c.p, c.n, got, c.want)
		}
	}
}

func TestRecorderForgetsSamplesNotCounts(t *testing.T) {
	r := newRecorder(time.Hour)
	old := time.Now().Add(-2 * time.Hour)
	for range 5000 {
		r.samples = append(r.samples, sample{old, time.Second})
		r.stats.Sent++
	}
	r.add("v1", "", time.Millisecond)
	s := r.read()
	if s.Sent != 5001 || s.P99 != time.Millisecond || len(r.samples) != 1 {
		t.Errorf("%v, %d samples kept", s, len(r.samples))
	}
}
