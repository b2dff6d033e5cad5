package simulate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Setup is a starting world.
type Setup struct {
	Models map[string]effect.Model // by module; cloned for each World
	// Catalog holds the modules, whose fault kinds can strike.
	Catalog *effect.Catalog
	Start   time.Time
	Seed    int64
	// Answers are what people say to questions, by title. A question without
	// an answer is agreed to after a minute by those who are asked.
	Answers map[string]Answer
	// Lacks says why a question that asks these names, of whom count have to agree,
	// cannot be answered ([effect.People.Lacks]); nil lets every one be.
	Lacks func(by []string, count int) string
	// Meant returns whom a name that a question asks stands for ([effect.People.Meant]):
	// answers by others are refused then. Nil lets everybody answer.
	Meant func(name string) []string
	// Preview is asked for the effects of modules without a model; nil refuses
	// them.
	Preview effect.Handler
	// Live carries out the reads by which models learn their state; nil
	// leaves them as they are.
	Live effect.Handler
	// Usual are the effects of the run that no fault of an Explorer strikes, for
	// invariants that compare; nil where there is none.
	Usual []effect.Occurrence
	// UsualLog is what that run logs.
	UsualLog []string
	// BadWord is what the script calls what did not end well ([BadWord]); empty if it
	// does not say.
	BadWord string
	// Invariants are held against the world after each effect.
	Invariants []effect.Invariant
	// Accepts are findings of theirs that are told and break nothing.
	Accepts []effect.Acceptance
}

// Answer is what people say to a question.
type Answer struct {
	Deny  bool
	Never bool
	After time.Duration
	By    []string
	// Item is the text of the checklist's item that a refusal is about; the first if
	// it is empty.
	Item string
	// Choice is what is chosen, where a choice is asked for; its default, or the
	// first choice, if it is empty.
	Choice string
}

// World carries effects out on models. It is made for one run, its crashes and
// resumes included.
type World struct {
	setup    Setup
	timeline *Timeline

	mu          sync.Mutex
	models      map[string]effect.Model
	applied     map[string]any  // by key: what the effect returned
	known       map[string]bool // live reads by op and arguments: whether they told anything
	changed     map[string]bool // modules that some effect has changed: what was read live no longer fits
	unread      []Unread
	lessons     []lesson                     // what models learned from real systems, in order
	faults      map[effect.Place]Kind        // by place: what struck there
	unfit       map[effect.Place]effect.Call // by place: the effects that faults of the schedule do not fit
	locks       []string
	transitions map[effect.Place][]effect.Transition // that the script's invariants have not seen; nil if it has none
	entries     []Entry
	occurrences []effect.Occurrence // the entries as invariants see them, as far as they were asked for
	effects     []effect.Call       // all that passed, control ops included, once each
	seen        map[effect.Place]bool
	dirty       *bool           // some run in it has changed something
	looked      map[string]bool // modules whose state the effect under way looked at; nil if nobody asks
	broken      []Violation
	accepted    []Violation
	bad         map[string]time.Time    // parts that turned bad, and when
	turned      map[string]turn         // by part: what the run had changed when it turned bad; of those that a rollback can mend
	stranded    bool                    // one of them turned bad in a rollback
	only        string                  // the one invariant that the run is held against, since a fault struck that asks for no other; all if empty
	start       map[string]any          // the state in the beginning
	answers     map[string]any          // by question: approved, denied, expired
	passed      int                     // effects so far, repeated ones too
	writers     map[string]effect.Place // by what is written as one: which effect changed it last
	holding     map[string]*holding     // by line: what a read goes on being told; nil for none
	delayed     []delayed               // changes that are still to happen, although their answers are lost
	prior       prior
	previous    map[string]effect.Model // by module: as it was before its last change; nil if no fault asks
}

// maxEffects bounds a simulated run: one that has more never ends. One that a fault
// strikes has less: enough for a long wait, and so many times what it has without.
const (
	maxEffects  = 20000
	timesUsual  = 10
	longWaiting = 8000
)

// most is how many effects the run may have.
func (w *World) most() int {
	if w.setup.Usual == nil {
		return maxEffects
	}
	return min(maxEffects, max(longWaiting, timesUsual*len(w.setup.Usual)))
}

// NewWorld returns a world in its starting state.
func NewWorld(s Setup) *World {
	w := &World{setup: s, timeline: NewTimeline(s.Start), models: map[string]effect.Model{}, applied: map[string]any{},
		known: map[string]bool{}, changed: map[string]bool{}, faults: map[effect.Place]Kind{}, unfit: map[effect.Place]effect.Call{}, seen: map[effect.Place]bool{},
		bad: map[string]time.Time{}, writers: map[string]effect.Place{}, dirty: new(bool)}
	for name, m := range s.Models {
		w.models[name] = m.Clone()
	}
	w.answers = map[string]any{}
	w.start = w.state()
	return w
}

// Timeline returns the world's clock.
func (w *World) Timeline() *Timeline { return w.timeline }

// Seed returns the seed of the run's random numbers.
func (w *World) Seed() int64 { return w.setup.Seed }

// Do carries an effect out on its module's model.
func (w *World) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if err := w.pay(call); err != nil {
		return effect.Result{}, err
	}
	w.overtake(false)
	if effect.Asks(call.Op.String()) {
		return w.ask(ctx, call)
	}
	model := w.models[call.Op.Module]
	if model == nil {
		return w.foreign(ctx, call)
	}
	switch call.Verb {
	case effect.VerbObserve:
		return w.observe(call), nil
	case effect.VerbRecall:
		return w.recall(ctx, model, call)
	}
	basis, err := w.learn(ctx, model, call)
	if err != nil {
		return effect.Result{}, err
	}
	late := w.takes(call) > call.Op.TimeoutFor(call.Args)
	if err := w.pass(ctx, call); err != nil {
		return effect.Result{}, err
	}
	w.overtake(false)
	if late {
		return effect.Result{}, w.late(call, basis)
	}
	return w.apply(model, call, basis)
}

// late is for an effect that takes longer in this world than it has: it is cut
// short, and changes nothing.
func (w *World) late(call effect.Call, basis Basis) error {
	took, limit := w.takes(call), call.Op.TimeoutFor(call.Args)
	err := effect.Errorf(effect.CodeTimeout, "it takes %s in the simulated world, and has %s: it was cut short",
		effect.FormatDuration(took), effect.FormatDuration(limit)).
		WithHint("give it longer: timeout = %q; or say in the scenario that it takes less", effect.FormatDuration(took))
	err.Op = call.Op.String()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries = append(w.entries, Entry{At: w.timeline.Now(), Took: limit, Place: call.Place, Op: call.Op.String(), Class: call.Class,
		Args: call.Args, Where: call.Where, Err: err, Basis: basis, Fault: w.faults[call.Place]})
	return err
}

// Passed notes an effect that does not come to the world: the engine's own. It
// returns a Stop when there have been too many.
func (w *World) Passed(call effect.Call) error { return w.pay(call) }

// pay notes each effect once, for the Explorer.
func (w *World) pay(call effect.Call) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.passed++; w.passed > w.most() {
		return &effect.Stop{Cause: Endless, Err: fmt.Errorf("%s at %s is effect number %d of the run: it never ends", call.Op, call.Where, w.passed)}
	}
	if call.Verb == effect.VerbInvoke && call.Class != effect.Value && !w.seen[call.Place] {
		w.seen[call.Place] = true
		w.effects = append(w.effects, call)
	}
	return nil
}

// takes is how long an effect takes in this world, whatever its time limit.
func (w *World) takes(call effect.Call) time.Duration {
	took := 20 * time.Millisecond
	if call.Class.Writes() {
		took = 200 * time.Millisecond
	}
	if t, ok := w.models[call.Op.Module].(effect.Timed); ok {
		w.mu.Lock()
		took = t.Takes(call.Op.Name, call.Args)
		w.mu.Unlock()
	}
	if call.Op.Module == effect.ControlModule {
		took = 0
	}
	return took
}

// pass lets the time pass that an effect takes, or that it has.
func (w *World) pass(ctx context.Context, call effect.Call) error {
	took := min(w.takes(call), call.Op.TimeoutFor(call.Args))
	return stopped(w.timeline.Wait(ctx, w.timeline.Now().Add(took)))
}

// standStill lets the other branches of the script go on to their ends.
func (w *World) standStill(ctx context.Context) error {
	return stopped(w.timeline.Yield(ctx, w.timeline.Now().Add(holdUp)))
}

// jump puts the runner's clock forward when it is the effect's turn: until then
// another branch may compute, and read the clock.
func (w *World) jump(ctx context.Context) error {
	err := stopped(w.timeline.Wait(ctx, w.timeline.Now()))
	if err == nil {
		w.timeline.Skip(clockJump)
	}
	return err
}

// stopped is the Stop of a wait that was cut off by an error.
func stopped(err error) error {
	if err == nil {
		return nil
	}
	if s := effect.AsStop(err); s != nil {
		return s
	}
	return &effect.Stop{Cause: effect.Interrupted}
}

// apply does to the model what the effect does to the system.
func (w *World) apply(model effect.Model, call effect.Call, basis Basis) (effect.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.moment(call.Op.Module, call.Key)
	whole := w.before(call)
	var before map[string]any
	if call.Class.Writes() {
		before = model.State(m)
		w.keepPrior(call, model)
		if w.previous != nil {
			w.previous[call.Op.Module] = model.Clone()
		}
	}
	_, err := w.declared(call)
	var value any
	if err == nil {
		clear(w.looked)
		value, err = model.Do(m, call.Op.Name, call.Args)
	}
	if err == nil {
		value = w.told(call, value)
	}
	e := Entry{At: m.Now, Place: call.Place, Op: call.Op.String(), Class: call.Class, Args: call.Args, Where: call.Where,
		Value: value, Basis: basis, Fault: w.faults[call.Place], Looked: slices.Sorted(maps.Keys(w.looked))}
	if took := m.Now.Sub(call.Began); took > 0 {
		e.Took = took
	}
	_, e.Again = w.applied[call.Key]
	if err != nil {
		e.Err = effect.AsError(err)
	} else if call.Class.Writes() {
		e.Changes = w.changes(call.Op.Module, before, model.State(m))
		if declared, _ := w.declared(call); len(declared) > 0 { // it was fit to be taken before
			e.Declared, e.Changes = true, append(e.Changes, w.take(declared)...)
		}
		e.Grows = e.Again && len(e.Changes) > 0 && w.grows(model, m, call)
		w.sign(e)
		w.applied[call.Key] = value
		*w.dirty = true
		w.changed[call.Op.Module] = true
	}
	w.entries = append(w.entries, e)
	w.mend(e)
	w.judge(e)
	w.after(e, whole)
	if err != nil {
		return effect.Result{}, err
	}
	return effect.Result{Value: value}, nil
}

// grows reports whether an effect that was applied just now would change
// something once more: a time that it notes is the same at one moment, an amount
// that it adds is not; w.mu is held.
func (w *World) grows(model effect.Model, m effect.Moment, call effect.Call) bool {
	again := model.Clone()
	before := again.State(m)
	if _, err := again.Do(m, call.Op.Name, call.Args); err != nil {
		return true
	}
	return len(w.changes(call.Op.Module, before, again.State(m))) > 0
}

// sign tells each change who made the one before; w.mu is held.
func (w *World) sign(e Entry) {
	name := func(c effect.Change) string { return effect.Change{Module: c.Module, Path: c.Whole()}.Target() }
	for i := range e.Changes {
		c := &e.Changes[i]
		if by := w.writers[name(*c)]; by != e.Place {
			c.By = by
		}
	}
	for _, c := range e.Changes {
		w.writers[name(c)] = e.Place
	}
}

// observe tells whether a call was applied: the world knows.
func (w *World) observe(call effect.Call) effect.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	if value, ok := w.applied[call.Key]; ok {
		return effect.Result{Observed: effect.Applied, Value: value}
	}
	return effect.Result{Observed: effect.NotApplied}
}

// recall makes a read once more for its secrets. It is no effect of the run, and
// leaves no entry.
func (w *World) recall(ctx context.Context, model effect.Model, call effect.Call) (effect.Result, error) {
	if err := w.pass(ctx, call); err != nil {
		return effect.Result{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	value, err := model.Do(w.moment(call.Op.Module, call.Key), call.Op.Name, call.Args)
	return effect.Result{Value: value}, err
}

// Applied reports whether the effect with this key happened: what an operator
// finds when looking.
func (w *World) Applied(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.applied[key]
	return ok
}

// foreign carries out an effect of a module without a model: by its backend's
// prediction, or not at all.
func (w *World) foreign(ctx context.Context, call effect.Call) (effect.Result, error) {
	refuse := func(why string) error {
		return effect.Errorf(effect.CodeUnsupported, "%s cannot be simulated: %s", call.Op, why).
			WithHint("give the module %s a state in a scenario, or let its backend implement Preview", call.Op.Module)
	}
	if call.Verb == effect.VerbObserve {
		return w.observe(call), nil
	}
	if w.setup.Preview == nil {
		return effect.Result{}, refuse(errNoModel.Error())
	}
	if call.Verb == effect.VerbRecall { // a read on the real system, and no effect of the run
		call.Verb = effect.VerbInvoke
		return w.setup.Preview.Do(ctx, call)
	}
	if call.Class == effect.Read {
		return w.look(ctx, call)
	}
	ask := call
	ask.Verb = effect.VerbPreview
	res, err := w.setup.Preview.Do(ctx, ask)
	if err != nil {
		return effect.Result{}, refuse("it has no model, and its backend cannot predict it: " + effect.AsError(err).Message)
	}
	if err := w.pass(ctx, call); err != nil {
		return effect.Result{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	whole := w.before(call)
	e := Entry{At: w.timeline.Now(), Place: call.Place, Op: call.Op.String(), Class: call.Class, Args: call.Args, Where: call.Where,
		Predicted: res.Predicted, Basis: Basis{Fact: Guessed}, Fault: w.faults[call.Place]}
	e.Changes = []effect.Change{{Module: call.Op.Module, Path: []string{res.Predicted.Target}, From: res.Predicted.From, To: res.Predicted.To}}
	_, e.Again = w.applied[call.Key]
	w.applied[call.Key], *w.dirty = res.Value, true
	w.entries = append(w.entries, e)
	w.judge(e)
	w.after(e, whole)
	return effect.Result{Value: res.Value}, nil
}

// look makes a read of a module without a model on the real system.
func (w *World) look(ctx context.Context, call effect.Call) (effect.Result, error) {
	res, err := w.setup.Preview.Do(ctx, call)
	if s := effect.AsStop(err); s != nil {
		return effect.Result{}, s
	}
	if passErr := w.pass(ctx, call); passErr != nil {
		return effect.Result{}, passErr
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	e := Entry{At: w.timeline.Now(), Place: call.Place, Op: call.Op.String(), Class: call.Class, Args: call.Args, Where: call.Where,
		Value: res.Value, Basis: Basis{Fact: Live}, Fault: w.faults[call.Place]}
	if err != nil {
		e.Err = effect.AsError(err)
	}
	w.entries = append(w.entries, e)
	return res, err
}

// moment is now, for a module's model; w.mu is held.
func (w *World) moment(module, key string) effect.Moment {
	now := w.timeline.Now()
	m := effect.Moment{Now: now, Start: w.setup.Start, Key: key, Dirty: *w.dirty}
	m.World = w.others(now, module)
	return m
}

// others returns the state of modules, for one that acts. Their own values may
// be functions of the world too; a module that is being asked already is not
// asked again.
func (w *World) others(now time.Time, asking ...string) func(string) map[string]any {
	return func(name string) map[string]any {
		model := w.models[name]
		if model == nil || slices.Contains(asking, name) {
			return nil
		}
		if w.looked != nil {
			w.looked[name] = true
		}
		return model.State(effect.Moment{Now: now, Start: w.setup.Start, Dirty: *w.dirty,
			World: w.others(now, append(asking[:len(asking):len(asking)], name)...)})
	}
}

// State returns the state of all modules that the run has touched or the
// scenario has set, by module.
func (w *World) State() map[string]any {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state()
}

// stateOf returns the state of one module; w.mu is held.
func (w *World) stateOf(module string) map[string]any {
	model := w.models[module]
	if model == nil {
		return nil
	}
	return model.State(w.moment(module, ""))
}

func (w *World) state() map[string]any {
	out := map[string]any{"now": float64(w.timeline.Now().Unix()), "elapsed": w.timeline.Now().Sub(w.setup.Start).Seconds()}
	for name, model := range w.models {
		out[name] = model.State(w.moment(name, ""))
	}
	people := make(map[string]any, len(w.answers))
	for title, answer := range w.answers {
		people[title] = answer
	}
	out["people"] = people
	return out
}

// Entries returns what the world saw, in order.
func (w *World) Entries() []Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Entry(nil), w.entries...)
}

// Effects returns the effects that a fault can strike, in order.
func (w *World) Effects() []effect.Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]effect.Call(nil), w.effects...)
}
