package prometheus

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// examined is the window that queries are tried over: long enough for scrapes
// every minute.
const examined = 5 * time.Minute

// Examine asks what gates and checks will ask, about the last minutes, and says
// of which queries nothing is known.
func (b *Backend) Examine(ctx context.Context) ([]string, error) {
	silent := func(string) {}
	at := b.present(ctx, silent)
	var missing []string
	for _, name := range b.names() {
		t := b.targets[name]
		fresh := b.newFreshness(t, at, examined, silent)
		var gaps []health.Gap
		for _, metric := range slices.Sorted(maps.Keys(t.queries)) {
			asking, cancel := context.WithTimeout(ctx, slack)
			query := over(t.queries[metric], examined)
			_, gap, err := b.one(asking, t, metric, query, fresh)
			cancel()
			switch {
			case ctx.Err() != nil:
				return nil, b.failure(ctx, query, ctx.Err())
			case err != nil && effect.AsError(err).Code == effect.CodeUnavailable:
				return missing, err
			case err != nil:
				gaps = append(gaps, health.Gap{Metric: metric, Why: effect.AsError(err).Message})
			case gap != nil:
				gap.Metric = metric
				gaps = append(gaps, *gap)
			}
		}
		if t.check != "" {
			asking, cancel := context.WithTimeout(ctx, slack)
			v, _, err := b.verdict(asking, t, at, silent)
			cancel()
			switch {
			case err != nil:
				gaps = append(gaps, health.Gap{Metric: "check", Why: effect.AsError(err).Message})
			case v.code == effect.CodeNoData:
				gaps = append(gaps, health.Gap{Metric: "check", Why: v.seen})
			}
		}
		for _, line := range health.Lines(gaps) {
			missing = append(missing, name+": "+line)
		}
	}
	return missing, nil
}
