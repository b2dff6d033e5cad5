package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// Pauses between the tries of a check grow from the first to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
	// leastTry is the time below which another try is not worth it.
	leastTry = 50 * time.Millisecond
)

// check looks until the target is up or the timeout has passed; at least once.
func check(ctx context.Context, t *target, timeout time.Duration, progress func(string)) (any, error) {
	start := time.Now()
	end := start.Add(timeout)
	enough := min(leastTry, timeout/10)
	detail, hint := "", ""
	for tries, pause := 1, firstPause; ; tries++ {
		limit := min(t.timeout, slack) // with a timeout of zero, the host waits for little more
		if timeout > 0 {
			limit = min(t.timeout, time.Until(end))
		}
		tryCtx, cancel := context.WithTimeout(ctx, limit)
		seen := t.look(tryCtx)
		cancel()
		if seen.up {
			return map[string]any{"healthy": true, "latency": seen.took.Seconds(), "detail": seen.detail}, nil
		}
		if ctx.Err() != nil {
			return nil, health.Interrupted(ctx, "checking "+t.name, start)
		}
		// A last try that had less time than the others says less than they did.
		if detail == "" || seen.answered || limit == t.timeout {
			detail, hint = seen.detail, seen.hint
		}
		progress(seen.detail)
		left := time.Until(end)
		if left <= enough {
			e := effect.Errorf(effect.CodeUnhealthy, "%s, %s in %s", detail, count(tries, "try", "tries"),
				effect.FormatDuration(time.Since(start)))
			if hint != "" {
				return nil, e.WithHint("%s", hint)
			}
			return nil, e.WithHint("see why %s does not answer as it should, or give it longer: timeout = \"1m\"", t.name)
		}
		if !health.Sleep(ctx, min(pause, left/2)) {
			return nil, health.Interrupted(ctx, "checking "+t.name, start)
		}
		pause = min(2*pause, lastPause)
	}
}

// count returns "1 try" or "4 tries".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
