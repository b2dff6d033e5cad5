package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// long is a time to hold outcomes back that no test waits for.
func long(o *replay.Options) { o.Hold = time.Hour }

// Which outcomes share the commit of what follows.
func TestHold(t *testing.T) {
	do := func(names ...string) func(r *rig) {
		return func(r *rig) {
			for i, name := range names {
				r.do(name, effect.Place("").Effect(i+1))
			}
		}
	}
	tests := []struct {
		name    string
		script  func(r *rig)
		batches []int
	}{
		{"a write's, with the next intent", do("t.retry", "t.observe", "t.retry"), []int{1, 2, 2, 1}},
		{"a read's, with the next intent", do("t.read", "t.retry"), []int{2, 1}},
		{"a read's, before the next read leaves", do("t.read", "t.read"), []int{1, 1}},
		{"a sleep's", func(r *rig) {
			r.do(effect.OpSleep, "1")
			r.do(effect.OpSleep, "2")
		}, []int{1, 2, 1}},
		{"that of a sleep that is over at once, and its intent", func(r *rig) {
			r.do(effect.OpSleep, "1", args("duration", 0.0))
			r.do(effect.OpSleep, "2", args("until_", 60.0))
			r.do("t.retry", "3")
		}, []int{5, 1}},
		{"such a sleep's, before a read leaves", func(r *rig) { r.do(effect.OpSleep, "1", args("duration", 0.0)); r.do("t.read", "2") }, []int{2, 1}},
		{"with the values behind it", do("t.retry", effect.OpNow, "t.retry"), []int{1, 3, 1}},
		{"no more than one commit carries", func(r *rig) {
			for i := range 2500 {
				r.do(effect.OpNow, effect.Place("").Effect(i+1))
			}
			r.do("t.retry", "2501")
		}, []int{1000, 1000, 501, 1}},
		{"not that of what people are asked about", do("t.ask", "t.retry"), []int{1, 1, 1, 1}},
		{"not that of what is never repeated", do("t.forgo", "t.retry"), []int{1, 1, 1, 1}},
		{"what is recorded at once takes it along", do("t.read", "t.ask"), []int{2, 1}},
		{"a failure's", func(r *rig) {
			r.world.answer = fails(effect.Errorf(effect.CodeConflict, "no"))
			_, _ = r.try("t.retry", "1")
			_, _ = r.try("t.retry", "2")
		}, []int{1, 2, 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, nil, long)
			test.script(r)
			r.finish()
			if !slices.Equal(r.journal.batches, test.batches) {
				t.Errorf("commits of %v events, want %v:\n%s", r.journal.batches, test.batches, strings.Join(text(r.journal.all()), "\n"))
			}
			at := newRig(t, nil)
			test.script(at)
			at.finish()
			same(t, "journal", text(r.journal.all()), text(at.journal.all()))
		})
	}
}

// An outcome that nothing follows is committed soon; one that cannot be is
// told to whoever can stop the run.
func TestOverdue(t *testing.T) {
	soon := func(o *replay.Options) { o.Hold = time.Millisecond }
	r := newRig(t, nil, soon)
	for n := range 3 {
		r.do("t.retry", effect.Place("").Effect(n+1))
		for deadline := time.Now().Add(time.Minute); len(r.journal.all()) < 2*(n+1); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("outcome %d is not recorded", n+1)
			}
		}
	}

	broken := make(chan *effect.Stop, 1)
	r = newRig(t, nil, soon, func(o *replay.Options) { o.Broken = func(s *effect.Stop) { broken <- s } })
	full := errors.New("the disk is full")
	r.world.answer = func(context.Context, effect.Call) (effect.Result, error) {
		r.journal.mu.Lock()
		defer r.journal.mu.Unlock()
		r.journal.refuse = func([]effect.Event) error { return full }
		return effect.Result{}, nil
	}
	r.do("t.observe", "1")
	s := <-broken
	want := "t.observe at a.lua:1 was carried out, but its outcome could not be recorded; its intent is, and the resume asks the backend whether it happened: the disk is full"
	if s.Cause != effect.Unwritable || s.Error() != want {
		t.Errorf("says %q, want %q", s, want)
	}
	r.stops(effect.Unwritable, "t.retry", "2")
	if n := len(r.world.log()); n != 1 {
		t.Errorf("%d calls went out, want 1", n)
	}
	r.journal.refuse = nil
	if err := r.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	same(t, "journal", text(r.journal.all()), []string{"effect.intended 1 t.observe #1", "effect.done 1 t.observe #1"})
}

// Nobody is told of an outcome, nor of what came behind it, before it is on
// disk.
func TestToldIsDurable(t *testing.T) {
	var r *rig
	told := []string{}
	r = newRig(t, nil, long, func(o *replay.Options) {
		o.Watch = func(ev effect.Event) {
			switch ev.Kind {
			case effect.EffectDone:
				if ev.Body.Class != effect.Value && !slices.ContainsFunc(r.journal.all(), func(on effect.Event) bool { return on.Seq == ev.Seq && on.Kind == ev.Kind }) {
					t.Errorf("%s is told and not on disk", ev.Place)
				}
			}
			told = append(told, text([]effect.Event{ev})...)
		}
	})
	r.do(effect.OpStep, "~1", args("name", "one"))
	if len(told) != 1 {
		t.Errorf("a step that begins is not told at once: %v", told)
	}
	r.do(effect.OpNow, "1")
	r.do("t.retry", "2")
	r.do(effect.OpStepLeft, "~2", args("name", "one"))
	r.do(effect.OpRandom, "3")
	if n := len(told); n != 3 {
		t.Errorf("told are %v", told)
	}
	r.do("t.read", "4")
	r.do("t.ask", "5")
	r.finish()
	same(t, "told", told, text(r.journal.all()))
}

// witness stands above the Recorder and below it, and knows what the script had
// seen when it asked for an effect.
type witness struct {
	t       *testing.T
	handler effect.Handler
	world   effect.Handler
	journal *memory

	mu    sync.Mutex
	seen  []effect.Place // outcomes that the script has
	asked map[effect.Place][]effect.Place
}

func (w *witness) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	w.mu.Lock()
	w.asked[call.Place] = slices.Clone(w.seen)
	w.mu.Unlock()
	res, err := w.handler.Do(ctx, call)
	if effect.AsStop(err) == nil && call.Class != effect.Mark {
		w.mu.Lock()
		w.seen = append(w.seen, call.Place)
		w.mu.Unlock()
	}
	return res, err
}

// leaves verifies that all of that is on disk when a request leaves.
func (w *witness) leaves(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Class == effect.Value {
		return w.world.Do(ctx, call)
	}
	closed, begun := map[effect.Place]bool{}, false
	for _, ev := range w.journal.all() {
		switch ev.Kind {
		case effect.EffectDone, effect.EffectFailed:
			closed[ev.Place] = true
		case effect.EffectObserved, effect.EffectResolved:
			closed[ev.Place] = closed[ev.Place] || ev.Body.Outcome != string(history.OutcomeNotApplied)
		default:
			begun = begun || ev.Place == call.Place
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, place := range w.asked[call.Place] {
		if !closed[place] {
			w.t.Errorf("%s at %s left before the outcome of %s was on disk", call.Op, call.Place, place)
		}
	}
	if call.Class.Writes() && !begun {
		w.t.Errorf("%s at %s left before its intent was on disk", call.Op, call.Place)
	}
	return w.world.Do(ctx, call)
}

// Random scripts whose outcomes wait die in the n-th call, before or after it
// is applied, with all that waits; another runner carries on. Nothing leaves
// before what it depends on is on disk, and each write is applied once.
func TestDieWithOutcomesHeld(t *testing.T) {
	scripts := 40
	if testing.Short() {
		scripts = 10
	}
	for seed := range scripts {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(seed), 11))
			script := grow(random, 4+random.IntN(10), 2, true)
			for n := 1; ; n++ {
				l := crashed(nil, random)
				past, died := diesAt(t, l, script, n, random.IntN(2) == 0)
				if !died {
					break
				}
				r, _ := carryOn(t, past, l, script)
				checkLedger(t, l, r.journal.all())
				if t.Failed() {
					t.Fatalf("%v died in call %d:\n  %s", script, n, strings.Join(text(past), "\n  "))
				}
			}
		})
	}
}

// diesAt walks a script whose outcomes wait until the n-th call of the world.
func diesAt(t *testing.T, l *ledger, script []node, n int, applied bool) (past []effect.Event, died bool) {
	t.Helper()
	var mu sync.Mutex
	r := newRig(t, nil, long)
	w := &witness{t: t, journal: r.journal, asked: map[effect.Place][]effect.Place{}}
	w.world = effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
		mu.Lock()
		if died {
			mu.Unlock()
			return effect.Result{}, &effect.Stop{Cause: effect.Interrupted, Err: errKilled}
		}
		n--
		died = n == 0
		dies := died
		if dies {
			r.journal.mu.Lock()
			r.journal.refuse = func([]effect.Event) error { return errKilled }
			r.journal.mu.Unlock()
		}
		mu.Unlock()
		if dies && !applied {
			return effect.Result{}, &effect.Stop{Cause: effect.Interrupted, Err: errKilled}
		}
		return l.Do(ctx, call)
	})
	r.options.Next = effect.HandlerFunc(w.leaves)
	w.handler = replay.New(r.options)
	_, stop := perform(t.Context(), w, script)
	if !died && stop != nil {
		t.Fatalf("stopped for %s: %v", stop.Cause, stop)
	}
	return r.journal.all(), died
}
