package simulate

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Killed is the cause of the Stop by which a simulated runner dies.
const Killed effect.Cause = "killed"

// Endless is the cause of the Stop that ends a run which never would.
const Endless effect.Cause = "endless"

// Injector lets a schedule's faults happen in a world, each once, whichever
// runner comes to them.
type Injector struct {
	world *World

	mu   sync.Mutex
	left map[effect.Place]Kind // by place: what has not struck yet
}

// NewInjector returns the injector of one run, its crashes and resumes
// included.
func NewInjector(s Schedule, w *World) *Injector {
	left := map[effect.Place]Kind{}
	for _, f := range s {
		left[f.Place] = f.Kind
	}
	return &Injector{world: w, left: left}
}

// Above returns the Handler that lets faults happen above next, for one runner.
// die is called when the runner is killed, before anything else happens.
func (in *Injector) Above(next effect.Handler, die func()) effect.Handler {
	return &faulty{in, next, die}
}

// faulty is a stack in which faults happen.
type faulty struct {
	*Injector
	next effect.Handler
	die  func()
}

// take returns the fault that strikes the call, once; empty for none.
func (in *Injector) take(call effect.Call) Kind {
	in.mu.Lock()
	defer in.mu.Unlock()
	if call.Verb != effect.VerbInvoke {
		return ""
	}
	kind := in.left[call.Place]
	delete(in.left, call.Place)
	return kind
}

// Do lets the call pass, or strikes it.
func (f *faulty) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	ctx = withPlace(ctx, call.Place)
	kind := f.take(call)
	if kind == "" {
		return f.next.Do(ctx, call)
	}
	// Also what never comes to the world has its place among the effects: a
	// further fault may strike what follows it.
	if err := f.world.Passed(call); err != nil {
		return effect.Result{}, err
	}
	f.world.struck(call, kind)
	switch kind {
	case Refused:
		if err := f.world.pass(ctx, call); err != nil {
			return effect.Result{}, err
		}
		refusal := effect.Errorf(effect.CodeRefused, "refused by the schedule")
		f.world.missed(call, kind, refusal)
		return effect.Result{}, refusal
	case TimedOut:
		_, err := f.next.Do(ctx, call)
		if err != nil {
			return effect.Result{}, err
		}
		if call.Class.Writes() {
			return effect.Result{}, effect.Errorf(effect.CodeUnknown, "no answer, by the schedule")
		}
		return effect.Result{}, effect.Errorf(effect.CodeTimeout, "no answer, by the schedule")
	case KilledBefore:
		if err := f.world.pass(ctx, call); err != nil {
			return effect.Result{}, err
		}
		f.world.missed(call, kind, nil)
		return effect.Result{}, f.kill(call)
	case KilledAfter:
		if _, err := f.next.Do(ctx, call); effect.AsStop(err) != nil {
			return effect.Result{}, err
		}
		return effect.Result{}, f.kill(call)
	case Denied, Unanswered:
		return f.world.unwilling(ctx, call, kind)
	}
	return f.next.Do(ctx, call) // the world is bad from now on
}

// kill ends the runner: its journal takes nothing more, and everything that
// waits is cut off.
func (f *faulty) kill(call effect.Call) error {
	stop := &effect.Stop{Cause: Killed, Err: fmt.Errorf("killed at %s (effect %s)", call.Op, call.Place)}
	f.die()
	f.world.timeline.Halt(stop)
	return stop
}

var errNoModel = errors.New("it has no model")
