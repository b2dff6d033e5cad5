package prometheus

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// usual returns queries for every metric, made from the names of a counter
// and a histogram.
func usual(requests, errors, latency string) map[string]string {
	all := fmt.Sprintf("sum(increase(%s{$selector}[$window]))", requests)
	failed := fmt.Sprintf("sum(increase(%s{$selector,%s}[$window]))", requests, errors)
	return map[string]string{
		"p50_latency": percentile(0.50, latency),
		"p95_latency": percentile(0.95, latency),
		"p99_latency": percentile(0.99, latency),
		// A service that never failed has no series of failures: that is a
		// rate of zero, but only if there were requests.
		"error_rate": fmt.Sprintf("100 * (%s or vector(0)) / (%s > 0)", failed, all),
		"throughput": fmt.Sprintf("sum(rate(%s{$selector}[$window]))", requests),
		"uptime":     "100 * avg(avg_over_time(up{$selector}[$window]))",
		"samples":    fmt.Sprintf("round(%s)", all),
	}
}

// burning returns the queries for the burn rates of an objective, in percent of
// the requests: how many times faster than it allows errors happen. Of two windows
// the lesser counts: the long one says that it matters, the short one that it still
// goes on. Where either has no data, neither side of the comparison answers.
func burning(requests, errors string, objective float64) map[string]string {
	ratio := func(window string) string {
		all := fmt.Sprintf("sum(increase(%s{$selector}[%s]))", requests, window)
		failed := fmt.Sprintf("sum(increase(%s{$selector,%s}[%s]))", requests, errors, window)
		return fmt.Sprintf("((%s or vector(0)) / (%s > 0))", failed, all)
	}
	lesser := func(short, long string) string {
		a, b := ratio(short), ratio(long)
		return fmt.Sprintf("(%s <= %s or %s < %s) / %.10g", a, b, b, a, 1-objective/100)
	}
	return map[string]string{"burn_fast": lesser("5m", "1h"), "burn_slow": lesser("30m", "6h")}
}

// percentile returns the query for a quantile of a histogram. For a quantile
// beyond the highest finite bucket histogram_quantile answers with the edge of
// that bucket, which is the least that the value can be and may pass a
// threshold. The query answers with nothing then: its right side is that edge,
// found by asking for a quantile of a histogram that is empty but for +Inf.
func percentile(q float64, latency string) string {
	buckets := func(le string) string {
		return fmt.Sprintf("sum by (le) (rate(%s_bucket{$selector%s}[$window]))", latency, le)
	}
	edge := fmt.Sprintf(`histogram_quantile(0.5, 0 * %s or 1 + 0 * %s)`, buckets(`,le!="+Inf"`), buckets(`,le="+Inf"`))
	return fmt.Sprintf("histogram_quantile(%v, %s) < %s", q, buckets(""), edge)
}

// over fills in the window.
func over(query string, window time.Duration) string {
	ms := max(window.Milliseconds(), 1)
	text := strconv.FormatInt(ms, 10) + "ms"
	if ms%1000 == 0 {
		text = strconv.FormatInt(ms/1000, 10) + "s"
	}
	return strings.ReplaceAll(query, "$window", text)
}
