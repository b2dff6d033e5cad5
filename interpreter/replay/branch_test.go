package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// settling notes the order in which outcomes settle.
type settling struct {
	mu    sync.Mutex
	order []string
}

func (s *settling) call(call effect.Call) effect.Call {
	call.Settled = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.order = append(s.order, string(call.Place))
	}
	return call
}

// outcomes returns the places of recorded outcomes in the journal's order.
func outcomes(events []effect.Event) []string {
	var places []string
	for _, ev := range events {
		if (ev.Kind == effect.EffectDone || ev.Kind == effect.EffectFailed) && ev.Body.Class != effect.Value {
			places = append(places, string(ev.Place))
		}
	}
	return places
}

// branches runs each place's effect in a goroutine of its own, started in the
// order given, and waits for all.
func branches(r *rig, s *settling, places ...string) {
	var wg sync.WaitGroup
	for _, p := range places {
		call := s.call(r.call("t.read", effect.Place(p), nil))
		wg.Go(func() {
			if _, err := r.Do(r.t.Context(), call); err != nil {
				r.t.Errorf("%s: %v", p, err)
			}
		})
	}
	wg.Wait()
}

func fork(r *rig, place effect.Place, names ...string) {
	r.t.Helper()
	branches := make([]any, len(names))
	for i, name := range names {
		branches[i] = string(place.Branch(name))
	}
	r.do(effect.OpParallel, place, args("branches", branches))
}

// Outcomes settle in the journal's order, live, and in a replay whatever order
// the branches ask in.
func TestOutcomesSettleInTheJournalsOrder(t *testing.T) {
	const n = 8
	names, places := []string{}, []string{}
	for i := range n {
		names = append(names, fmt.Sprintf("b%d", i))
		places = append(places, fmt.Sprintf("1.b%d.1", i))
	}
	live := newRig(t, nil)
	var all sync.WaitGroup // every branch is under way before one ends
	all.Add(n)
	live.world.answer = func(context.Context, effect.Call) (effect.Result, error) {
		all.Done()
		all.Wait()
		return effect.Result{}, nil
	}
	fork(live, "1", names...)
	var first settling
	branches(live, &first, places...)
	same(t, "settled live", first.order, outcomes(live.journal.all()))

	for _, arrange := range []func([]string){func([]string) {}, slices.Reverse[[]string], slices.Sort[[]string]} {
		again := live.resumed()
		fork(again, "1", names...)
		asked := slices.Clone(places)
		arrange(asked)
		var second settling
		branches(again, &second, asked...)
		same(t, "settled in the replay", second.order, first.order)
		again.finish()
	}
}

// parallelPast is two branches: a.1, b.1, a.2 settled in this order.
func parallelPast(t *testing.T) []effect.Event {
	return past(t, func(r *rig) {
		fork(r, "1", "a", "b")
		r.do("t.read", "1.a.1")
		r.do("t.read", "1.b.1")
		r.do("t.read", "1.a.2")
	})
}

func TestBranchDivergence(t *testing.T) {
	tests := []struct {
		name   string
		script func(r *rig) error
		want   string
	}{
		{"a branch was dropped", func(r *rig) error {
			fork(r, "1", "a")
			r.do("t.read", "1.a.1")
			_, err := r.try("t.read", "1.a.2")
			return err
		}, "effect 1.b.1:"},
		{"a branch was renamed", func(r *rig) error {
			fork(r, "1", "c", "b")
			_, err := r.try("t.read", "1.c.1")
			return err
		}, "effect 1.a.1:"},
		{"a branch does less", func(r *rig) error {
			fork(r, "1", "a", "b")
			r.do("t.read", "1.a.1")
			_, err := r.try(effect.OpBranchLeft, "1.a", args("name", "a"))
			return err
		}, "effect 1.a.2:"},
		{"the branches are one line now", func(r *rig) error {
			_, err := r.try("t.read", "1")
			return err
		}, "effect 1.a.1:"},
		{"the parallel part is left before its end", func(r *rig) error {
			fork(r, "1", "a", "b")
			r.do("t.read", "1.a.1")
			_, err := r.try("t.read", "2")
			return err
		}, "effect 1.b.1:"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, parallelPast(t))
			s := wantStop(t, effect.Diverged, nil, test.script(r))
			if !strings.Contains(s.Error(), test.want) {
				t.Errorf("says %q, want %q in it", s, test.want)
			}
			same(t, "calls", r.world.log(), []string{})
		})
	}
}

// polled is a context that tells when it is asked for its error: the Recorder
// does that under its lock, right before it waits for a turn.
type polled struct {
	context.Context
	once  *sync.Once
	asked chan struct{}
}

func (p polled) Err() error {
	p.once.Do(func() { close(p.asked) })
	return p.Context.Err()
}

// waiting starts an effect that has to wait for its turn and returns how it
// ends.
func waiting(t *testing.T, ctx context.Context, r *rig, name, place string) <-chan error {
	t.Helper()
	p := polled{ctx, new(sync.Once), make(chan struct{})}
	ended := make(chan error, 1)
	call := r.call(name, effect.Place(place), nil)
	go func() {
		_, err := r.Do(p, call)
		ended <- err
	}()
	<-p.asked
	r.Live() // takes the lock, which is free once the call waits
	select {
	case err := <-ended:
		t.Fatalf("%s did not wait for its turn: %v", place, err)
	default:
	}
	return ended
}

func TestWaitingForTheTurn(t *testing.T) {
	t.Run("for a recorded outcome", func(t *testing.T) {
		r := newRig(t, parallelPast(t))
		fork(r, "1", "a", "b")
		ended := waiting(t, t.Context(), r, "t.read", "1.b.1")
		r.do("t.read", "1.a.1")
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Run("a new effect waits for all of the past", func(t *testing.T) {
		r := newRig(t, parallelPast(t))
		fork(r, "1", "a", "b")
		r.do("t.read", "1.a.1")
		r.do("t.read", "1.b.1")
		ended := waiting(t, t.Context(), r, "t.read", "1.b.2")
		same(t, "calls", r.world.log(), []string{})
		r.do("t.read", "1.a.2")
		if err := <-ended; err != nil {
			t.Error(err)
		}
		same(t, "calls", r.world.log(), []string{"invoke t.read 1.b.2 #1"})
	})
	t.Run("canceled", func(t *testing.T) {
		r := newRig(t, parallelPast(t))
		fork(r, "1", "a", "b")
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := waiting(t, ctx, r, "t.read", "1.b.1")
		cancel(&effect.Stop{Cause: effect.Interrupted})
		wantStop(t, effect.Interrupted, nil, <-ended)
	})
	t.Run("canceled without a cause", func(t *testing.T) {
		r := newRig(t, parallelPast(t))
		fork(r, "1", "a", "b")
		ctx, cancel := context.WithCancel(t.Context())
		ended := waiting(t, ctx, r, "t.read", "1.b.1")
		cancel()
		wantStop(t, effect.Interrupted, nil, <-ended)
	})
	t.Run("another branch diverges", func(t *testing.T) {
		r := newRig(t, parallelPast(t))
		fork(r, "1", "a", "b")
		ended := waiting(t, t.Context(), r, "t.read", "1.b.1")
		r.stops(effect.Diverged, "t.retry", "1.a.1")
		wantStop(t, effect.Diverged, nil, <-ended)
	})
	t.Run("another branch ends without its past", func(t *testing.T) {
		r := newRig(t, parallelPast(t))
		fork(r, "1", "a", "b")
		ended := waiting(t, t.Context(), r, "t.read", "1.b.1")
		r.stops(effect.Diverged, effect.OpBranchLeft, "1.a", args("name", "a"))
		wantStop(t, effect.Diverged, nil, <-ended)
	})
}

// The walk is stopped for one reason, and an outcome is lost for another: both
// are told, each where it belongs.
func TestOutcomeLostAfterTheStop(t *testing.T) {
	r := newRig(t, nil)
	fork(r, "1", "a", "b")
	inside, release := make(chan struct{}), make(chan struct{})
	r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		if call.Place == "1.b.1" {
			return effect.Result{}, effect.Errorf(effect.CodeUnknown, "lost")
		}
		close(inside)
		<-release
		return effect.Result{}, nil
	}
	ended := make(chan error, 1)
	call := r.call("t.observe", "1.a.1", nil)
	go func() {
		_, err := r.Do(t.Context(), call)
		ended <- err
	}()
	<-inside
	r.stops(effect.Parked, "t.ask", "1.b.1")
	r.journal.mu.Lock()
	r.journal.refuse = func([]effect.Event) error { return errors.New("the disk is full") }
	r.journal.mu.Unlock()
	close(release)
	s := wantStop(t, effect.Unwritable, nil, <-ended)
	if want := "was carried out, but its outcome could not be recorded"; !strings.Contains(s.Error(), want) || !strings.Contains(s.Error(), "the disk is full") {
		t.Errorf("says %q", s)
	}
	r.stops(effect.Parked, "t.read", "2")
}

// The journal is lost in one branch: no other goes on.
func TestOneBranchLosesTheJournal(t *testing.T) {
	r := newRig(t, nil)
	fork(r, "1", "a", "b")
	inside, release := make(chan struct{}), make(chan struct{})
	r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		close(inside)
		<-release
		return effect.Result{}, nil
	}
	ended := make(chan error, 1)
	call := r.call("t.retry", "1.a.1", nil)
	go func() {
		_, err := r.Do(t.Context(), call)
		ended <- err
	}()
	<-inside
	r.journal.mu.Lock()
	r.journal.refuse = func([]effect.Event) error { return &effect.Stop{Cause: effect.Fenced} }
	r.journal.mu.Unlock()
	r.stops(effect.Fenced, "t.retry", "1.b.1")
	close(release)
	wantStop(t, effect.Fenced, nil, <-ended)
	same(t, "calls", r.world.log(), []string{"invoke t.retry 1.a.1 #1"})
}

// Where the run is to be rolled back, a branch that is cut does not keep
// another from settling what it had begun.
func TestACutBranchLeavesTheOthersAtWork(t *testing.T) {
	begun := past(t, func(r *rig) {
		fork(r, "1", "a", "b")
		r.do("t.read", "1.a.1")
		r.killAt("1.b.1")
		_, _ = r.try("t.retry", "1.b.1")
	})
	r := newRig(t, begun, func(o *replay.Options) { o.Cut = true })
	fork(r, "1", "a", "b")
	r.do("t.read", "1.a.1")
	r.stops(effect.RollingBack, "t.retry", "1.a.2")
	r.do("t.retry", "1.b.1")
	r.stops(effect.RollingBack, "t.retry", "1.b.2")
	same(t, "calls", r.world.log(), []string{"invoke t.retry 1.b.1 #2"})
	if s := r.BeginRollback(); s != nil {
		t.Error(s)
	}
}

// A place that is asked for twice is a fault of the script's host, and nothing
// to wait for.
func TestAPlaceAskedForTwice(t *testing.T) {
	r := newRig(t, parallelPast(t))
	fork(r, "1", "a", "b")
	r.do("t.read", "1.a.1")
	r.do("t.read", "1.b.1")
	r.do("t.read", "1.a.2")
	r.stops(effect.Diverged, "t.read", "1.a.2")
}
