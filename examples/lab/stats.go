package lab

import (
	"sort"
	"sync"
	"time"
)

// Stats tell how requests fared.
type Stats struct {
	Sent      uint64            `json:"sent"`       // answered or failed; those under way do not count
	OK        uint64            `json:"ok"`         // answered with a status below 400
	Failed    uint64            `json:"failed"`     // all others
	ByVersion map[string]uint64 `json:"by_version"` // answers of each version, good and bad
	Errors    map[string]uint64 `json:"errors,omitempty"`
	// Percentiles of the time to answer: of all requests in a load test, of
	// the last ten seconds in the steady load. Zero if there are none.
	P50 time.Duration `json:"p50_ns"`
	P95 time.Duration `json:"p95_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// recentWindow is what the steady load's percentiles look back on.
const recentWindow = 10 * time.Second

// sample is one answer: when it came and how long it took.
type sample struct {
	at   time.Time
	took time.Duration
}

// recorder gathers Stats.
type recorder struct {
	keep time.Duration // how long a sample counts; 0: for ever

	mu      sync.Mutex
	stats   Stats
	samples []sample
	pruneAt int
}

func newRecorder(keep time.Duration) *recorder {
	return &recorder{keep: keep, pruneAt: 1 << 12,
		stats: Stats{ByVersion: map[string]uint64{}, Errors: map[string]uint64{}}}
}

// add records one request; a problem other than "" says why it failed.
func (r *recorder) add(version, problem string, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Sent++
	if version != "" {
		r.stats.ByVersion[version]++
	}
	if problem == "" {
		r.stats.OK++
	} else {
		r.stats.Failed++
		r.stats.Errors[problem]++
	}
	now := time.Now()
	r.samples = append(r.samples, sample{now, took})
	if r.keep > 0 && len(r.samples) >= r.pruneAt {
		r.prune(now)
		r.pruneAt = max(1<<12, 2*len(r.samples))
	}
}

// prune drops the samples that no longer count; they are in order of time.
func (r *recorder) prune(now time.Time) {
	old := sort.Search(len(r.samples), func(i int) bool { return now.Sub(r.samples[i].at) <= r.keep })
	r.samples = append(r.samples[:0], r.samples[old:]...)
}

// read returns a copy of the statistics.
func (r *recorder) read() Stats {
	r.mu.Lock()
	if r.keep > 0 {
		r.prune(time.Now())
	}
	s := r.stats
	s.ByVersion, s.Errors = copyCounts(r.stats.ByVersion), copyCounts(r.stats.Errors)
	times := make([]time.Duration, len(r.samples))
	for i := range r.samples {
		times[i] = r.samples[i].took
	}
	r.mu.Unlock()
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	s.P50, s.P95, s.P99 = percentile(times, 50), percentile(times, 95), percentile(times, 99)
	return s
}

// percentile returns the smallest value that p percent of the sorted ones do
// not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

func copyCounts(m map[string]uint64) map[string]uint64 {
	c := make(map[string]uint64, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}
