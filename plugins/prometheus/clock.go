package prometheus

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	// clockSlack is by how much two clocks may differ and agree; the time
	// that the question takes comes on top.
	clockSlack = time.Second
	// mostAhead is what a clock can be away from another at the most: beyond
	// it the answer is no time.
	mostAhead = 30 * 24 * time.Hour
	// clockTimeout bounds how long the server is asked for its time: a
	// server that hangs must leave time for the queries to be tried again.
	clockTimeout = time.Second
)

// present returns what time it is now, by the server's clock: samples have its
// times, and a query about the present of a machine that is late would measure
// the time before a change. A server that does not tell its time is taken to
// be as far away as it was last.
func (b *Backend) present(ctx context.Context, progress func(string)) time.Time {
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	now := b.clock()
	value, _, _, err := b.api.Query(ctx, "time()", time.Time{})
	took := b.clock().Sub(now)
	b.mu.Lock()
	defer b.mu.Unlock()
	said, ok := value.(*model.Scalar)
	if err != nil || !ok || float64(said.Value) < aTime {
		return now.Add(b.ahead)
	}
	ahead := unixTime(float64(said.Value)).Sub(now.Add(took / 2))
	switch off := ahead.Abs(); {
	case off > mostAhead:
		return now.Add(b.ahead)
	case off <= clockSlack+took/2:
		ahead = 0
	}
	if (ahead - b.ahead).Abs() > clockSlack {
		where := "ahead of"
		if ahead < 0 {
			where = "behind"
		}
		if ahead != 0 {
			progress(fmt.Sprintf("the clock of %s is %s %s this machine's: it is asked by its own", b.address,
				effect.FormatDuration(ahead.Abs().Round(time.Second)), where))
		}
	}
	b.ahead = ahead
	return now.Add(ahead)
}
