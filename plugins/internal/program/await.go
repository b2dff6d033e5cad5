package program

import (
	"context"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/supervisor"
)

// askAgain is how often Await looks.
const askAgain = 5 * time.Millisecond

// Await returns once no program runs any more that was started for an effect
// on this machine: those of a plugin that was killed are still being ended, and
// those of a runner that lost its run may still be at work. What they left
// behind and ended without does not count. Where the system does not tell, it
// returns at once.
func Await(ctx context.Context, key string) *effect.Error {
	if key == "" {
		return nil
	}
	for {
		pids := supervisor.Marked(supervisor.Entry(key))
		if len(pids) == 0 {
			return nil
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return effect.Errorf(effect.CodeUnknown, "a program of an earlier attempt still runs, below process %d", pids[0]).
				WithHint("wait for its end, or end it; then resume the run")
		}
	}
}
