package rehearse

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// besideStandIn is the id of the second of two runs, as its script sees it.
const besideStandIn = "00000000-0000-7000-8000-000000000001"

// pair carries two runs out at once, in one environment. It is a
// simulate.PairRunner and serves several goroutines.
type pair struct {
	runners [2]*Runner
	locks   [2][]string // of the headers
}

// Pair returns an explorer of this run and another one at once, in the world of
// this one.
func (r *Rehearsal) Pair(other *Rehearsal) *simulate.PairExplorer {
	second := *other.Runner
	second.Origin = besideStandIn
	p := &pair{runners: [2]*Runner{r.Runner, &second}, locks: [2][]string{r.Header.Locks, other.Header.Locks}}
	e := &simulate.PairExplorer{Runner: p, Setup: r.Setup}
	e.Setup.Accepts = slices.Concat(r.Header.Accepts, other.Header.Accepts)
	for _, name := range r.Header.Locks {
		if slices.Contains(other.Header.Locks, name) {
			e.Locks = append(e.Locks, name)
		}
	}
	return e
}

// Together implements simulate.PairRunner.
func (p *pair) Together(ctx context.Context, worlds [2]*simulate.World, begin [2]time.Duration) ([2]simulate.Ending, error) {
	var ends [2]simulate.Ending
	var errs [2]error
	var group sync.WaitGroup
	held := &held{by: map[string]int{}}
	start := worlds[0].Timeline().Now()
	for i, w := range worlds {
		group.Go(func() {
			defer w.Timeline().Leave()
			if begin[i] < 0 {
				return
			}
			if errs[i] = w.Timeline().Begin(ctx, start.Add(begin[i])); errs[i] == nil {
				ends[i], errs[i] = p.carry(ctx, w, i, held)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return ends, err
		}
	}
	return ends, ctx.Err()
}

// carry carries one run from its start to where it ends or stops. It takes its
// locks when it is created, as the engine does, and gives them up with its end.
func (p *pair) carry(ctx context.Context, w *simulate.World, i int, held *held) (simulate.Ending, error) {
	r := p.runners[i]
	end := simulate.Ending{Secrets: redact.Collect(r.Params), Params: r.Params}
	if name := held.take(i, p.locks[i]); name != "" {
		end.Err = &effect.Stop{Cause: effect.LockHeld, Err: &simulate.HeldError{Lock: name}}
		return end, nil
	}
	m := &memory{world: w, beside: i > 0, faults: simulate.NewInjector(nil, w)}
	out, err := r.walk(ctx, w, m, m.faults, i*maxWalks) // which draws other random numbers
	if err != nil {
		return end, err
	}
	for _, v := range m.last {
		w.Broke(v.Invariant, v.Message, "")
	}
	end.Status, end.Err, end.Rollbacks, end.Events = m.status, out.Err, out.Rollbacks, m.events
	if m.status.Terminal() {
		held.giveUp(i)
	}
	return end, nil
}

// held are the locks that two runs have.
type held struct {
	mu sync.Mutex
	by map[string]int
}

// take takes all of the locks, or none: it returns the name of one that the
// other run has.
func (h *held) take(run int, names []string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range names {
		if by, taken := h.by[name]; taken && by != run {
			return name
		}
	}
	for _, name := range names {
		h.by[name] = run
	}
	return ""
}

func (h *held) giveUp(run int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, by := range h.by {
		if by == run {
			delete(h.by, name)
		}
	}
}
