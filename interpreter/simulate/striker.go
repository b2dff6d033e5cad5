package simulate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Killed is the cause of the Stop by which a simulated runner dies.
const Killed effect.Cause = "killed"

// Endless is the cause of the Stop that ends a run which never would.
const Endless effect.Cause = "endless"

// Striker is the Handler that lets a schedule's faults happen. Each strikes
// once.
type Striker struct {
	world *World
	next  effect.Handler
	die   func() // what the journal takes no more after

	mu   sync.Mutex
	left map[string]Kind
}

// NewStriker returns a Striker above next. die is called when a runner is
// killed, before anything else happens.
func NewStriker(s Schedule, w *World, next effect.Handler, die func()) *Striker {
	left := map[string]Kind{}
	for _, f := range s {
		left[f.Place] = f.Kind
	}
	return &Striker{world: w, next: next, die: die, left: left}
}

// Over hands the faults that have not struck to another runner of the run.
func (s *Striker) Over(next effect.Handler, die func()) *Striker {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Striker{world: s.world, next: next, die: die, left: s.left}
}

// Left returns the places whose faults never struck.
func (s *Striker) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.left)
}

func (s *Striker) take(call effect.Call) Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := s.left[call.Place]
	if call.Verb != effect.Invoke {
		return ""
	}
	delete(s.left, call.Place)
	return kind
}

// Do lets the call pass, or strikes it.
func (s *Striker) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	ctx = withPlace(ctx, call.Place)
	kind := s.take(call)
	if kind == "" {
		return s.next.Do(ctx, call)
	}
	// Also what never comes to the world has its place among the effects: a
	// further fault may strike what follows it.
	if err := s.world.Passed(call); err != nil {
		return effect.Result{}, err
	}
	s.world.struck(call, kind)
	switch kind {
	case Refused:
		if err := s.world.pass(ctx, call); err != nil {
			return effect.Result{}, err
		}
		refusal := effect.Errorf(effect.CodeRefused, "refused by the schedule")
		s.world.missed(call, kind, refusal)
		return effect.Result{}, refusal
	case TimedOut:
		_, err := s.next.Do(ctx, call)
		if err != nil {
			return effect.Result{}, err
		}
		if call.Class.Writes() {
			return effect.Result{}, effect.Errorf(effect.CodeUnknown, "no answer, by the schedule")
		}
		return effect.Result{}, effect.Errorf(effect.CodeTimeout, "no answer, by the schedule")
	case KilledBefore:
		if err := s.world.pass(ctx, call); err != nil {
			return effect.Result{}, err
		}
		s.world.missed(call, kind, nil)
		return effect.Result{}, s.kill(call)
	case KilledAfter:
		if _, err := s.next.Do(ctx, call); effect.AsStop(err) != nil {
			return effect.Result{}, err
		}
		return effect.Result{}, s.kill(call)
	case Denied, Unanswered:
		return s.world.unwilling(ctx, call, kind)
	}
	return s.next.Do(ctx, call) // the world is bad from now on
}

// kill ends the runner: its journal takes nothing more, and everything that
// waits is cut off.
func (s *Striker) kill(call effect.Call) error {
	stop := &effect.Stop{Cause: Killed, Err: fmt.Errorf("killed at %s (effect %s)", call.Op, call.Place)}
	s.die()
	s.world.timeline.Halt(stop)
	return stop
}

// Faults returns the faults that make sense at an effect.
func Faults(call effect.Call) []Kind {
	switch {
	case call.Op.String() == effect.OpApprove:
		return []Kind{KilledBefore, Denied, Unanswered}
	case call.Op.Module == effect.ControlModule:
		return []Kind{KilledBefore}
	case call.Class.Writes():
		return []Kind{Refused, TimedOut, KilledBefore, KilledAfter}
	}
	list := []Kind{Refused, TimedOut, KilledBefore}
	if call.Op.Module == "health" {
		list = append(list, Unhealthy)
		if strings.HasSuffix(call.Op.Name, "measure") {
			list = append(list, NoData)
		}
	}
	return list
}

var errNoModel = errors.New("it has no model")
