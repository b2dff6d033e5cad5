package replay_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// What a live run leaves in the journal, and how its events share commits.
func TestRecord(t *testing.T) {
	tests := []struct {
		name    string
		script  func(r *rig)
		journal []string
		batches []int
	}{
		{"a read is recorded once, after", func(r *rig) { r.do("t.read", "1") },
			[]string{"effect.done 1 t.read #1 1"}, []int{1}},
		{"a write is recorded twice", func(r *rig) { r.do("t.observe", "1") },
			[]string{"effect.intended 1 t.observe #1", "effect.done 1 t.observe #1 1"}, []int{1, 1}},
		{"an irreversible effect is a write", func(r *rig) { r.do("t.ask", "1") },
			[]string{"effect.intended 1 t.ask #1", "effect.done 1 t.ask #1 1"}, []int{1, 1}},
		{"a sleep's intent is a timer", func(r *rig) { r.do(effect.OpSleep, "1") },
			[]string{"timer.set 1 run.sleep #1", "effect.done 1 run.sleep #1 1"}, []int{1, 1}},
		{"an approval's intent is a question", func(r *rig) { r.do(effect.OpApprove, "1") },
			[]string{"question.asked 1 run.approve #1", "effect.done 1 run.approve #1 1"}, []int{1, 1}},
		{"a value goes with the intent that follows", func(r *rig) { r.do(effect.OpNow, "1"); r.do("t.retry", "2") },
			[]string{"effect.done 1 run.now #1 1", "effect.intended 2 t.retry #1", "effect.done 2 t.retry #1 2"}, []int{2, 1}},
		{"a value is written before a read leaves", func(r *rig) { r.do(effect.OpNow, "1"); r.do("t.read", "2") },
			[]string{"effect.done 1 run.now #1 1", "effect.done 2 t.read #1 2"}, []int{1, 1}},
		{"marks alone do not delay a read", func(r *rig) {
			r.do(effect.OpStep, "~1", args("name", "one"))
			r.do("t.read", "1")
		}, []string{"step.entered ~1 one", "effect.done 1 t.read #1 1"}, []int{2}},
		{"marks wait for the next commit or the end", func(r *rig) {
			r.do(effect.OpStep, "~1", args("name", "one"))
			r.do(effect.OpLog, "~2", args("level", "info", "text", "hello", "fields", args("a", 1.0)))
			r.do(effect.OpGate, "~3", args("values", args("p99", 0.2)))
			r.do(effect.OpCheckpoint, "~4", args("name", "half"))
			r.do(effect.OpRegistered, "~5")
			r.do(effect.OpStepLeft, "~6", args("name", "one", "error", "no"))
			r.do(effect.OpParallel, "1", args("branches", []any{"1.a"}))
			r.do(effect.OpBranchLeft, "1.a", args("name", "a"))
		}, []string{"step.entered ~1 one", `logged ~2 info hello {"a":1}`, `gated ~3 {"p99":0.2}`, "checkpoint.reached ~4 half",
			"rollback.registered ~5", "step.left ~6 one failed", `parallel.started 1 {"fail_fast":false,"limit":0}`, "branch.left 1.a a"}, []int{8}},
		{"an outcome without a value", func(r *rig) {
			r.world.answer = fails(nil)
			r.do("t.read", "1")
		}, []string{"effect.done 1 t.read #1"}, []int{1}},
		{"a value that cannot be recorded is the backend's fault", func(r *rig) {
			r.world.answer = func(context.Context, effect.Call) (effect.Result, error) {
				return effect.Result{Value: math.NaN()}, nil
			}
			_, err := r.try("t.retry", "1")
			if !strings.Contains(err.Error(), "t.retry succeeded, but returned what cannot be recorded") {
				r.t.Error(err)
			}
		}, []string{"effect.intended 1 t.retry #1", "effect.failed 1 t.retry #1 internal"}, []int{1, 1}},
		{"a failure", func(r *rig) {
			r.world.answer = fails(effect.Errorf(effect.CodeConflict, "no"))
			_, _ = r.try("t.read", "1")
			_, _ = r.try("t.observe", "2")
		}, []string{"effect.failed 1 t.read #1 conflict", "effect.intended 2 t.observe #1", "effect.failed 2 t.observe #1 conflict"}, []int{1, 1, 1}},
		{"a value that cannot be drawn", func(r *rig) {
			r.world.answer = fails(errors.New("no entropy"))
			if _, err := r.try(effect.OpRandom, "1"); effect.AsError(err).Message != "no entropy" {
				r.t.Error(err)
			}
		}, []string{"effect.failed 1 run.random #1 internal"}, []int{1}},
		{"a stop leaves no outcome", func(r *rig) {
			r.world.answer = fails(&effect.Stop{Cause: effect.Waiting})
			r.stops(effect.Waiting, "t.read", "1")
			r.stops(effect.Waiting, effect.OpNow, "2")
			r.stops(effect.Waiting, effect.OpApprove, "3")
		}, []string{"question.asked 3 run.approve #1"}, []int{1}},
		{"a foreign error is an internal one", func(r *rig) {
			r.world.answer = fails(errors.New("plain"))
			_, _ = r.try("t.read", "1")
		}, []string{"effect.failed 1 t.read #1 internal"}, []int{1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, nil)
			test.script(r)
			r.finish()
			same(t, "journal", text(r.journal.all()), test.journal)
			if !slices.Equal(r.journal.batches, test.batches) {
				t.Errorf("commits of %v events, want %v", r.journal.batches, test.batches)
			}
		})
	}
}

// Nothing leaves the process before what it may depend on is on disk.
func TestNothingLeavesEarly(t *testing.T) {
	r := newRig(t, nil)
	r.do(effect.OpNow, "1")
	r.do(effect.OpRandom, "2")
	r.do("t.read", "3")        // behind two values
	r.do("t.retry", "4")       // behind them, the read and its own intent
	r.do(effect.OpStep, "~1")  // a mark depends on nothing
	r.do("t.read", "5")        // the write's outcome is there
	r.do(effect.OpRandom, "6") //
	r.do("t.ask", "7")         // marks, value, intent
	want := []int{0, 0, 2, 4, 5, 7, 9}
	if !slices.Equal(r.world.durable, want) {
		t.Errorf("calls came in when %v events were on disk, want %v\n%s", r.world.durable, want, strings.Join(text(r.journal.all()), "\n"))
	}
}

func TestKeysAndBeginnings(t *testing.T) {
	r := newRig(t, nil)
	r.do("t.retry", "1")
	r.do("t.retry", "2")
	if r.world.keys["1"] == r.world.keys["2"] || len(r.world.keys["1"]) != 32 {
		t.Errorf("keys %q", r.world.keys)
	}
	if k := replay.Key("run-1", "1"); k != r.world.keys["1"] {
		t.Errorf("the key is %s, Key says %s", r.world.keys["1"], k)
	}
	if replay.Key("run-2", "1") == replay.Key("run-1", "1") || replay.Key("run-1", "11") == replay.Key("run-11", "") {
		t.Error("two effects have one key")
	}

	// A sleep counts from its first intent, also after a resume.
	r = newRig(t, nil)
	r.killAt("1")
	r.stops(effect.Interrupted, effect.OpSleep, "1")
	began := r.journal.all()[0].At
	again := r.resumed()
	again.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		if !call.Began.Equal(began) || call.Attempt != 1 {
			t.Errorf("began %v attempt %d, want %v and 1", call.Began, call.Attempt, began)
		}
		return effect.Result{}, nil
	}
	again.do(effect.OpSleep, "1")
	same(t, "journal", text(again.journal.all()), []string{"timer.set 1 run.sleep #1", "effect.done 1 run.sleep #1"})
}

func TestSecretsAreDigests(t *testing.T) {
	r := newRig(t, nil)
	r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		if s, ok := call.Args["token"].(effect.Secret); !ok || s.Reveal() != "hunter2" {
			t.Errorf("the backend got %v", call.Args)
		}
		return effect.Result{Value: effect.NewSecret("given", "swordfish")}, nil
	}
	v := r.do("t.retry", "1", args("token", effect.NewSecret("env:TOKEN", "hunter2")))
	if s, ok := v.(effect.SecretDigest); !ok || s.Digest != "digest-of-swordfish" {
		t.Errorf("got %#v", v)
	}
	if got := string(r.journal.all()[0].Body.Args); got != `{"token":{"$secret":"env:TOKEN","digest":"digest-of-hunter2"}}` {
		t.Error(got)
	}
	// The same secret agrees with its digest, another one does not.
	r.resumed().do("t.retry", "1", args("token", effect.NewSecret("env:TOKEN", "hunter2")))
	r.resumed().stops(effect.Diverged, "t.retry", "1", args("token", effect.NewSecret("env:TOKEN", "hunter3")))
}

func TestArgumentsThatCannotBeRecorded(t *testing.T) {
	r := newRig(t, nil)
	_, err := r.try("t.retry", "1", args("x", math.Inf(1)))
	if e := effect.AsError(err); effect.AsStop(err) != nil || e.Code != effect.CodeInvalid {
		t.Errorf("got %v", err)
	}
	_, err = r.try(effect.OpGate, "~1", args("values", func() {}))
	if e := effect.AsError(err); effect.AsStop(err) != nil || e.Code != effect.CodeInvalid {
		t.Errorf("got %v", err)
	}
	same(t, "calls", r.world.log(), []string{})
	same(t, "journal", text(r.journal.all()), []string{})
}

// A journal that cannot be written stops the run, and says what that means for
// the effect.
func TestJournalErrors(t *testing.T) {
	full := errors.New("the disk is full")
	nth := func(n int, err error) func(m *memory) {
		return func(m *memory) {
			m.refuse = func([]effect.Event) error {
				if n--; n < 0 {
					return err
				}
				return nil
			}
		}
	}
	tests := []struct {
		name   string
		refuse func(*memory)
		op     string
		cause  effect.Cause
		want   string // in the message
		sent   int
	}{
		{"intent", nth(0, full), "t.observe", effect.Unwritable, "the disk is full", 0},
		{"outcome", nth(1, full), "t.observe", effect.Unwritable,
			"t.observe at a.lua:1 was carried out, but its outcome could not be recorded; its intent is, and the resume asks the backend whether it happened: the disk is full", 1},
		{"outcome of a read", nth(0, full), "t.read", effect.Unwritable, "the disk is full", 1},
		{"fenced at the intent", nth(0, &effect.Stop{Cause: effect.Fenced, Err: errors.New("epoch 2 holds it")}), "t.retry", effect.Fenced, "epoch 2", 0},
		{"fenced at the outcome", nth(1, &effect.Stop{Cause: effect.Fenced, Err: errors.New("epoch 2 holds it")}), "t.retry", effect.Fenced, "epoch 2", 1},
		{"read with a stale lease", func(m *memory) { m.stale = true }, "t.read", effect.Fenced, "t.read at a.lua:1 was not sent", 0},
		{"stale lease", func(m *memory) { m.stale = true }, "t.retry", effect.Fenced, "t.retry at a.lua:1 was not sent: this runner stalled past its lease", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, nil)
			test.refuse(r.journal)
			s := r.stops(test.cause, test.op, "1")
			if !strings.Contains(s.Error(), test.want) {
				t.Errorf("says %q, want %q in it", s, test.want)
			}
			if n := len(r.world.log()); n != test.sent {
				t.Errorf("%d calls went out, want %d", n, test.sent)
			}
			// Nothing goes on after that, whatever the script catches.
			r.journal.refuse, r.journal.stale = nil, false
			r.stops(test.cause, "t.read", "2")
			r.stops(test.cause, effect.OpNow, "3")
			r.stops(test.cause, effect.OpStep, "~1")
			if n := len(r.world.log()); n != test.sent {
				t.Errorf("%d calls went out after the stop", n-test.sent)
			}
		})
	}
}

// A write that was sent is left to finish when the run shall stop; what waits
// or reads is cut short, and nothing new begins.
func TestCancellation(t *testing.T) {
	stop := &effect.Stop{Cause: effect.Canceled, Err: errors.New("canceled by ada")}
	tests := []struct {
		op   string
		done bool
	}{
		{"t.observe", true}, {"t.ask", true}, {"t.read", false}, {effect.OpSleep, false}, {effect.OpApprove, false},
	}
	for _, test := range tests {
		t.Run(test.op, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			r := newRig(t, nil)
			r.world.answer = func(inner context.Context, call effect.Call) (effect.Result, error) {
				cancel(stop)
				if inner.Err() != nil {
					return effect.Result{}, context.Cause(inner)
				}
				return effect.Result{Value: true}, nil
			}
			res, err := r.Do(ctx, r.call(test.op, "1", nil))
			if test.done {
				if err != nil || res.Value != true {
					t.Fatalf("got %v, %v", res, err)
				}
			} else {
				wantStop(t, effect.Canceled, res, err)
			}
			calls := len(r.world.log())
			for i, name := range []string{"t.read", "t.observe"} {
				res, err := r.Do(ctx, r.call(name, effect.Place(rune('2'+i)), nil))
				wantStop(t, effect.Canceled, res, err)
			}
			if n := len(r.world.log()) - calls; n != 0 {
				t.Errorf("%d calls were sent after the cancellation", n)
			}
		})
	}
}

// The second Ctrl-C ends a write under way; its outcome is unknown.
func TestHardStop(t *testing.T) {
	hard, cancel := context.WithCancel(t.Context())
	r := newRig(t, nil, func(o *replay.Options) { o.Hard = hard })
	r.world.answer = func(ctx context.Context, _ effect.Call) (effect.Result, error) {
		cancel()
		<-ctx.Done()
		return effect.Result{}, effect.Errorf(effect.CodeUnknown, "cut off")
	}
	s := r.stops(effect.Interrupted, "t.ask", "1")
	if want := "t.ask at a.lua:1 was under way: its outcome is not known"; !strings.Contains(s.Error(), want) {
		t.Errorf("says %q, want %q in it", s, want)
	}
	same(t, "journal", text(r.journal.all()), []string{"effect.intended 1 t.ask #1"})
}

func TestWatch(t *testing.T) {
	var seen []effect.Event
	r := newRig(t, nil, func(o *replay.Options) { o.Watch = func(ev effect.Event) { seen = append(seen, ev) } })
	r.do(effect.OpStep, "~1", args("name", "one"))
	r.do(effect.OpNow, "1")
	r.do("t.retry", "2")
	r.finish()
	same(t, "watched", text(seen), text(r.journal.all()))
	if r.Live() != 1 || r.Replayed() != 0 {
		t.Errorf("live %d replayed %d", r.Live(), r.Replayed())
	}
}
