package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

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

	mu      sync.Mutex
	left    map[effect.Place]Kind // by place: what has not struck yet
	outages map[string]*outages   // by module: what cannot be reached now
	word    map[effect.Place]Kind // by place: what the operator says once it happened
	fatal   Kind                  // what killed a runner last
	undoing bool                  // a fault has struck a rollback since somebody asked
}

// outages are the times in which a module's system cannot be reached.
type outages struct {
	kind  Kind
	until time.Time
	count int // effects since it began
}

// NewInjector returns the injector of one run, its crashes and resumes
// included.
func NewInjector(s Schedule, w *World) *Injector {
	left := map[effect.Place]Kind{}
	for _, f := range s {
		left[f.Place] = f.Kind
	}
	w.remember(s)
	return &Injector{world: w, left: left, outages: map[string]*outages{}, word: map[effect.Place]Kind{}}
}

// Word returns what the operator says now that the effect at a place has an
// outcome: RolledBack, Canceled, or nothing.
func (in *Injector) Word(p effect.Place) Kind {
	in.mu.Lock()
	defer in.mu.Unlock()
	kind := in.word[p]
	delete(in.word, p)
	return kind
}

// Outage returns how long the last outage still lasts; zero if there is none.
func (in *Injector) Outage() time.Duration {
	in.mu.Lock()
	defer in.mu.Unlock()
	var left time.Duration
	for _, o := range in.outages {
		left = max(left, o.until.Sub(in.world.timeline.Now()))
	}
	return left
}

// StruckRollback reports whether a fault has struck a rollback since it was asked
// last.
func (in *Injector) StruckRollback() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	struck := in.undoing
	in.undoing = false
	return struck
}

// Fatal returns the fault that killed a runner last.
func (in *Injector) Fatal() Kind {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.fatal
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

// take returns the fault that strikes the call, once; empty for none. One that
// makes no sense there does not strike: the world would not know how to carry it out.
func (in *Injector) take(call effect.Call) Kind {
	in.mu.Lock()
	defer in.mu.Unlock()
	if call.Verb != effect.VerbInvoke {
		return ""
	}
	kind, ok := in.left[call.Place]
	if !ok {
		return ""
	}
	delete(in.left, call.Place)
	if !slices.Contains(strikes(call, in.world.setup.Catalog), kind) {
		in.world.doesNotFit(call)
		return ""
	}
	in.undoing = in.undoing || call.Place.InRollback()
	switch kind {
	case KilledTwice: // the next runner comes here, too
		in.left[call.Place] = KilledAfter
	case Down, Flapping:
		in.outages[call.Op.Module] = &outages{kind: kind, until: in.world.timeline.Now().Add(outage)}
	case RolledBack, Canceled:
		in.word[call.Place] = kind
	}
	return kind
}

// out returns the outage by which a call cannot be made; empty for none.
func (in *Injector) out(call effect.Call) Kind {
	in.mu.Lock()
	defer in.mu.Unlock()
	o := in.outages[call.Op.Module]
	if o == nil || !in.world.timeline.Now().Before(o.until) {
		return ""
	}
	o.count++
	if o.kind == Flapping && o.count%2 == 0 {
		return ""
	}
	return o.kind
}

// Do lets the call pass, or strikes it.
func (f *faulty) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	ctx = withPlace(ctx, call.Place)
	kind := f.take(call)
	if kind == "" {
		if kind = f.out(call); kind != "" {
			return f.gone(ctx, call, kind)
		}
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
		return f.fail(ctx, call, kind, effect.Errorf(effect.CodeRefused, "refused by the schedule"))
	case Lost:
		return f.fail(ctx, call, kind, effect.Errorf(effect.CodeUnknown, "no answer, by the schedule"))
	case Unavailable:
		return f.fail(ctx, call, kind, unavailable())
	case Down, Flapping:
		f.out(call)
		return f.fail(ctx, call, kind, unavailable())
	case Stale:
		return f.world.stale(ctx, call)
	case AppliedLate:
		return effect.Result{}, f.world.delay(ctx, call)
	case ClockJumps:
		if err := f.world.jump(ctx); err != nil {
			return effect.Result{}, err
		}
		return f.next.Do(ctx, call)
	case HeldUp:
		if err := f.world.standStill(ctx); err != nil {
			return effect.Result{}, err
		}
		return f.next.Do(ctx, call)
	case TimedOut:
		_, err := f.next.Do(ctx, call)
		if err != nil {
			return effect.Result{}, err
		}
		if call.Class.Writes() {
			return effect.Result{}, effect.Errorf(effect.CodeUnknown, "no answer, by the schedule")
		}
		return effect.Result{}, effect.Errorf(effect.CodeTimeout, "no answer, by the schedule")
	case KilledBefore, KilledTwice, ResumedLate:
		if err := f.world.pass(ctx, call); err != nil {
			return effect.Result{}, err
		}
		f.world.missed(call, kind, nil)
		return effect.Result{}, f.kill(call, kind)
	case KilledAfter:
		if _, err := f.next.Do(ctx, call); effect.AsStop(err) != nil {
			return effect.Result{}, err
		}
		return effect.Result{}, f.kill(call, kind)
	case Denied, Unanswered:
		return f.world.unwilling(ctx, call, kind)
	}
	return f.next.Do(ctx, call) // the world is bad from now on, or the operator speaks afterwards
}

// fail lets the time pass that the effect takes, and tells of a failure that
// kept it from happening.
func (f *faulty) fail(ctx context.Context, call effect.Call, kind Kind, failure *effect.Error) (effect.Result, error) {
	if err := f.world.pass(ctx, call); err != nil {
		return effect.Result{}, err
	}
	f.world.missed(call, kind, failure)
	return effect.Result{}, failure
}

// gone is for a call that an outage strikes which began before it.
func (f *faulty) gone(ctx context.Context, call effect.Call, kind Kind) (effect.Result, error) {
	switch call.Verb {
	case effect.VerbObserve:
		return effect.Result{Observed: effect.Uncertain}, nil
	case effect.VerbRecall: // no effect of the run
		return effect.Result{}, unavailable()
	}
	if err := f.world.Passed(call); err != nil {
		return effect.Result{}, err
	}
	return f.fail(ctx, call, kind, unavailable())
}

func unavailable() *effect.Error {
	e := effect.Errorf(effect.CodeUnavailable, "unavailable by the schedule")
	e.Retryable = true
	return e
}

// kill ends the runner: its journal takes nothing more, and everything that
// waits is cut off.
func (f *faulty) kill(call effect.Call, kind Kind) error {
	f.mu.Lock()
	f.fatal = kind
	f.mu.Unlock()
	stop := &effect.Stop{Cause: Killed, Err: fmt.Errorf("killed at %s (effect %s)", call.Op, call.Place)}
	f.die()
	f.world.timeline.Halt(stop)
	return stop
}

var errNoModel = errors.New("it has no model")
