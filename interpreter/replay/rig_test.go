package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// memory is a journal in memory. Events go through JSON, as they do on disk.
type memory struct {
	mu      sync.Mutex
	events  []effect.Event
	batches []int // how many events each commit held
	refuse  func(batch []effect.Event) error
	stale   bool
}

func (m *memory) Append(_ context.Context, events ...effect.Event) ([]effect.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		if err := m.refuse(events); err != nil {
			return nil, err
		}
	}
	m.batches = append(m.batches, len(events))
	written := append([]effect.Event(nil), events...)
	for i := range written {
		written[i].Seq, written[i].Epoch = int64(len(m.events)+1), 1
		m.events = append(m.events, stored(written[i]))
	}
	return written, nil
}

func (m *memory) Until() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stale {
		return time.Time{}
	}
	return time.Now().Add(time.Hour)
}

func (m *memory) all() []effect.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]effect.Event(nil), m.events...)
}

// stored returns the event as a reader of the journal sees it.
func stored(ev effect.Event) effect.Event {
	data, err := json.Marshal(ev.Body)
	if err != nil {
		panic(err)
	}
	ev.Body = effect.Body{}
	if err := json.Unmarshal(data, &ev.Body); err != nil {
		panic(err)
	}
	return ev
}

// text shows events a line each: kind, place, op, attempt, outcome.
func text(events []effect.Event) []string {
	lines := []string{}
	for _, ev := range events {
		words := []string{string(ev.Kind), string(ev.Place)}
		b := ev.Body
		if b.Op != "" {
			words = append(words, b.Op)
		}
		if b.Attempt > 0 {
			words = append(words, fmt.Sprintf("#%d", b.Attempt))
		}
		for _, w := range []string{b.Outcome, b.Name, b.Text, string(b.Value)} {
			if w != "" {
				words = append(words, w)
			}
		}
		if b.Error != nil {
			words = append(words, string(b.Error.Code))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n  %s\nwant:\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// op declares what the name says: its class, its recovery.
func op(name string) *effect.Op {
	module, short, _ := strings.Cut(name, ".")
	o := &effect.Op{Module: module, Name: short}
	switch name {
	case "t.read":
		o.Class = effect.Read
	case "t.retry", effect.OpSleep, effect.OpApprove:
		o.Class, o.Recovery = effect.Write, effect.Retry
	case "t.observe":
		o.Class, o.Recovery = effect.Write, effect.Observe
	case "t.forgo":
		o.Class, o.Recovery = effect.Irreversible, effect.Forgo
	case "t.ask":
		o.Class, o.Recovery = effect.Irreversible, effect.Ask
	case effect.OpNow, effect.OpRandom:
		o.Class = effect.Value
	default:
		o.Class = effect.Mark
	}
	return o
}

// world is the Handler below the Recorder. answer scripts it; the default is a
// success whose value is the number of calls so far.
type world struct {
	mu      sync.Mutex
	calls   []string // verb, op, place, attempt
	keys    map[effect.Place]string
	durable []int // how long the journal was when each call came in
	journal *memory
	answer  func(ctx context.Context, call effect.Call) (effect.Result, error)
}

func (w *world) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	w.mu.Lock()
	verb := "invoke"
	if call.Verb != "" {
		verb = string(call.Verb)
	}
	w.calls = append(w.calls, fmt.Sprintf("%s %s %s #%d", verb, call.Op, call.Place, call.Attempt))
	w.keys[call.Place] = call.Key
	w.durable = append(w.durable, len(w.journal.all()))
	n, answer := len(w.calls), w.answer
	w.mu.Unlock()
	if answer != nil {
		return answer(ctx, call)
	}
	return effect.Result{Value: float64(n)}, nil
}

func (w *world) log() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.calls...)
}

// rig is a Recorder between a script (the test) and a world.
type rig struct {
	*replay.Recorder
	t       *testing.T
	journal *memory
	world   *world
	options replay.Options
	line    int // of the last call, for positions
}

var epoch = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// newRig makes a rig with a past; mend may change the options.
func newRig(t *testing.T, past []effect.Event, mend ...func(*replay.Options)) *rig {
	t.Helper()
	m := &memory{events: append([]effect.Event(nil), past...)}
	w := &world{keys: map[effect.Place]string{}, journal: m}
	now := epoch.Add(time.Duration(len(past)) * time.Second)
	var mu sync.Mutex
	r := &rig{t: t, journal: m, world: w, options: replay.Options{
		Run: "run-1", History: history.Of(m.all()), Journal: m, Next: w,
		Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(time.Second)
			return now
		},
		Digest: func(s effect.Secret) string { return "digest-of-" + s.Reveal() },
	}}
	for _, f := range mend {
		f(&r.options)
	}
	r.Recorder = replay.New(r.options)
	return r
}

// resumed is a rig whose past is this one's journal.
func (r *rig) resumed(mend ...func(*replay.Options)) *rig {
	r.t.Helper()
	return newRig(r.t, r.journal.all(), mend...)
}

func (r *rig) call(name string, place effect.Place, args map[string]any) effect.Call {
	o := op(name)
	if name == effect.OpSleep && args == nil {
		args = map[string]any{"duration": 1.0}
	}
	r.line++
	return effect.Call{Place: place, Op: o, Args: args, Class: o.Class, Recovery: o.Recovery,
		Where: effect.Position{File: "a.lua", Line: r.line}}
}

// try performs an effect and returns its value or error.
func (r *rig) try(name string, place effect.Place, args ...map[string]any) (any, error) {
	var a map[string]any
	if len(args) > 0 {
		a = args[0]
	}
	res, err := r.Do(r.t.Context(), r.call(name, place, a))
	return res.Value, err
}

// do performs an effect that has to succeed.
func (r *rig) do(name string, place effect.Place, args ...map[string]any) any {
	r.t.Helper()
	v, err := r.try(name, place, args...)
	if err != nil {
		r.t.Fatalf("%s at %s: %v", name, place, err)
	}
	return v
}

// stops performs an effect that has to be stopped for a cause.
func (r *rig) stops(cause effect.Cause, name string, place effect.Place, args ...map[string]any) *effect.Stop {
	r.t.Helper()
	v, err := r.try(name, place, args...)
	return wantStop(r.t, cause, v, err)
}

func wantStop(t *testing.T, cause effect.Cause, v any, err error) *effect.Stop {
	t.Helper()
	s := effect.AsStop(err)
	if s == nil || s.Cause != cause {
		t.Fatalf("got %v, %v; want a stop for %q", v, err, cause)
	}
	return s
}

func (r *rig) finish() {
	r.t.Helper()
	if err := r.Finish(); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Flush(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

// fails makes a world answer with an error.
func fails(err error) func(context.Context, effect.Call) (effect.Result, error) {
	return func(context.Context, effect.Call) (effect.Result, error) { return effect.Result{}, err }
}

var errKilled = errors.New("killed")

// killAt lets the runner die in the call at a place, which leaves an intent
// without an outcome.
func (r *rig) killAt(place effect.Place) {
	r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		if call.Place == place {
			return effect.Result{}, &effect.Stop{Cause: effect.Interrupted, Err: errKilled}
		}
		return effect.Result{Value: call.Place}, nil
	}
}

func args(kv ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i].(string)] = kv[i+1]
	}
	return m
}
