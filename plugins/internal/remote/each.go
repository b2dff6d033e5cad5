package remote

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// usualLimit is on how many hosts something happens at once where nobody says
// so.
const usualLimit = 10

// Outcome is what came of one host.
type Outcome[T any] struct {
	Host  *Host
	Value T
	Err   *effect.Error
	Begun bool // something was asked of it
}

// Outcomes are those of all hosts, in the order of their names.
type Outcomes[T any] []*Outcome[T]

// Each does something on all hosts, so many at once as limit says, or ten if it
// is 0. Unless all is set it begins on no further host after one has failed.
func Each[T any](ctx context.Context, hosts []*Host, limit int, all bool, do func(ctx context.Context, t *Host) (T, *effect.Error)) Outcomes[T] {
	if limit == 0 {
		limit = usualLimit
	}
	out := make(Outcomes[T], len(hosts))
	for i, t := range hosts {
		out[i] = &Outcome[T]{Host: t}
	}
	var mu sync.Mutex
	failed := false
	var wg sync.WaitGroup
	turn := make(chan struct{}, limit)
	for _, o := range out {
		turn <- struct{}{}
		mu.Lock()
		stop := failed && !all || ctx.Err() != nil
		o.Begun = !stop
		mu.Unlock()
		if stop {
			break
		}
		wg.Go(func() {
			defer func() { <-turn }()
			value, e := do(ctx, o.Host)
			mu.Lock()
			defer mu.Unlock()
			o.Value, o.Err = value, e
			failed = failed || e != nil
		})
	}
	wg.Wait()
	return out
}

// Failure makes one error of those of the hosts; nil if there is none, or if
// partial lets failures be told beside results and nothing is unknown. Who reads
// it has to know of each host what is known: what was done, what failed, what
// was not begun, and what nobody knows.
func (out Outcomes[T]) Failure(writes, partial bool) *effect.Error {
	var done, waiting []string
	var bad []*effect.Error
	var unknown *effect.Error
	for _, o := range out {
		switch {
		case !o.Begun:
			waiting = append(waiting, o.Host.Name)
		case o.Err == nil:
			done = append(done, o.Host.Name)
		default:
			bad = append(bad, o.Err)
			if o.Err.Code == effect.CodeUnknown && unknown == nil {
				unknown = o.Err
			}
		}
	}
	if len(bad) == 0 && len(waiting) > 0 {
		bad = append(bad, effect.Errorf(effect.CodeTimeout, "the time was up before all hosts had their turn").WithHint("give it a longer timeout, or a higher limit"))
	}
	if len(bad) == 0 || partial && unknown == nil && len(waiting) == 0 {
		return nil
	}
	e := *bad[0]
	if unknown != nil {
		e = *unknown
		slices.SortStableFunc(bad, func(a, b *effect.Error) int { return rank(a) - rank(b) })
	}
	lines := make([]string, len(bad))
	for i, one := range bad {
		lines[i] = one.Message
	}
	e.Message = strings.Join(lines, "\n")
	if len(out) > 1 && writes {
		e.Message += told("done on", done) + told("not begun on", waiting)
	}
	if writes && len(done) > 0 && unknown == nil {
		e.Retryable = false
		if e.Code == effect.CodeUnavailable { // which would say that nothing changed
			e.Code = effect.CodeFailed
		}
	}
	return &e
}

// rank puts what nobody knows before what failed.
func rank(e *effect.Error) int {
	if e.Code == effect.CodeUnknown {
		return 0
	}
	return 1
}

func told(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "\n" + what + " " + strings.Join(names, ", ")
}
