package rehearse

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

const (
	// maxWalks bounds how often a simulated run is taken up again.
	maxWalks = 12
	// resumeAfter is how long it takes, in virtual time, until somebody sees
	// that a runner died and resumes.
	resumeAfter = 10 * time.Second
	// resumedLate is how long it takes if nobody looks.
	resumedLate = 24 * time.Hour
)

// Runner carries runs of one script out in simulated worlds. It is a
// simulate.Runner and serves several goroutines.
type Runner struct {
	Main    script.Source
	Loader  script.Loader
	Catalog *effect.Catalog
	Params  map[string]any // canonical, as the header wants them
	Getenv  func(string) (string, bool)
	// Calendars finds those that the script names; nil knows none.
	Calendars interpreter.Calendars
	// Origin is the id of the run that the script sees; StandIn if it is empty.
	Origin string
	// Cache keeps the compiled script; nil compiles it for each run.
	Cache *script.Cache
	// Cover, if set, counts the statements of the script that run.
	Cover *script.Coverage
	// Watch, if set, is told of every event. It must not be shared by runs at
	// the same time.
	Watch interpreter.Watcher
}

// StandIn is the id of a run that is only rehearsed, as its script sees it.
const StandIn = "00000000-0000-7000-8000-000000000000"

// Rehearse carries one run from its start to its end.
func (r *Runner) Rehearse(ctx context.Context, w *simulate.World, s simulate.Schedule) (simulate.Ending, error) {
	return r.rehearse(ctx, w, &memory{world: w}, s)
}

// rehearse is Rehearse with a memory, which may hold the beginning of the run.
func (r *Runner) rehearse(ctx context.Context, w *simulate.World, m *memory, s simulate.Schedule) (simulate.Ending, error) {
	end, err := r.carry(ctx, w, m, s)
	for _, v := range m.last {
		w.Broke(v.Invariant, v.Message, "")
	}
	return end, err
}

// carry is Rehearse with a memory to keep.
func (r *Runner) carry(ctx context.Context, w *simulate.World, m *memory, s simulate.Schedule) (simulate.Ending, error) {
	faults := simulate.NewInjector(s, w)
	m.faults = faults
	end := simulate.Ending{Secrets: redact.Collect(r.Params), Params: r.Params}
	retried := false
	for n := 0; n < maxWalks; n++ {
		out, err := r.walk(ctx, w, m, faults, n)
		if err != nil {
			return end, err
		}
		end.Status, end.Err, end.Rollbacks, end.Events = m.status, out.Err, out.Rollbacks, m.events
		end.RollsBack, end.Unjudged = m.onFailure == interpreter.OnFailureRollback, m.unjudged
		if ctx.Err() != nil {
			return end, ctx.Err()
		}
		struck := faults.StruckRollback()
		switch {
		case effect.AsStop(out.Err) != nil && effect.AsStop(out.Err).Cause == simulate.Endless:
			return end, nil
		case m.dead && m.word == simulate.RolledBack:
			w.Timeline().Skip(resumeAfter)
			m.requestRollback()
		case m.dead && faults.Fatal() == simulate.ResumedLate:
			w.Timeline().Skip(resumedLate)
		case m.dead:
			w.Timeline().Skip(resumeAfter)
		case m.status == effect.StatusUnknown: // nobody can look while the system is gone
			w.Timeline().Skip(max(resumeAfter, faults.Outage()))
			m.resolve(w)
		case m.status == effect.StatusInterrupted && unanswered(out.Err) && faults.Outage() > 0:
			w.Timeline().Skip(max(resumeAfter, faults.Outage()))
		case m.status == effect.StatusRollbackFailed && m.endless():
			end.Endless = true
			return end, nil
		case m.status == effect.StatusRollbackFailed && (!retried || struck):
			// A try that an outage met is not the one that counts, nor is a further
			// one that a fault struck after the one before had failed by another.
			retried = faults.Outage() <= 0
			w.Timeline().Skip(max(resumeAfter, faults.Outage()))
			m.requestRollback()
		default:
			return end, nil
		}
	}
	return end, nil
}

// unanswered reports whether a run stopped because a secret could not be asked for
// at the time.
func unanswered(err error) bool {
	var lost *replay.SecretError
	return errors.As(err, &lost) && !lost.Gone()
}

// walk is one walk of the run: from the start, or on from what m holds.
func (r *Runner) walk(ctx context.Context, w *simulate.World, m *memory, faults *simulate.Injector, n int) (interpreter.Outcome, error) {
	w.Timeline().Restart()
	m.dead, m.over, m.word = false, nil, ""
	if m.status == "" {
		m.status = effect.StatusRunning
		m.add(effect.Event{At: w.Timeline().Now(), Kind: effect.RunCreated, Body: effect.Body{Text: r.Main.Name, Origin: cmp.Or(r.Origin, StandIn)}})
	}
	getenv := r.Getenv
	if getenv == nil {
		getenv = func(string) (string, bool) { return "", false }
	}
	random := seeded(w.Seed(), n)
	above, answered, around := m.above(random, n)
	out, err := interpreter.Walk{
		Run: journal.Run{ID: m.id(), Name: r.Main.Name, Status: m.status}, History: m.events, Params: r.Params, Main: r.Main, Loader: r.Loader,
		Stack: interpreter.Stack{Catalog: r.Catalog, World: w, Clock: w.Timeline(), Random: random, Above: above, Answered: answered, Getenv: getenv, Calendars: r.Calendars, Digest: digest, Watch: r.Watch, Ledger: m,
			Route: func(control, world effect.Handler) effect.Handler {
				return faults.Above(divided{w, control, world}, m.die)
			},
			Ended: m.finish,
			Equip: func(o *script.Options) {
				o.Idle, o.World = w.Timeline().Idle, final{w, m}
				o.Cache, o.Cover, o.Around = r.Cache, r.Cover, around()
			}},
	}.Carry(ctx)
	m.onFailure = out.Header.OnFailure
	return out, err
}

// divided lets the engine carry out its own effects by the virtual clock, and
// the world the rest, questions to people included.
type divided struct {
	world         *simulate.World
	control, rest effect.Handler
}

// Do hands the call to whoever carries it out.
func (d divided) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Op.Module != effect.ControlModule || effect.Asks(call.Op.String()) {
		return d.rest.Do(ctx, call)
	}
	if err := d.world.Passed(call); err != nil {
		return effect.Result{}, err
	}
	res, err := d.control.Do(ctx, call)
	if err == nil && call.Op.String() == effect.OpSleep {
		d.world.Waited(call)
	}
	return res, err
}

// final is the world as a script's invariants look at it. Those of the end are
// asked whenever a walk ends: what they said last counts.
type final struct {
	*simulate.World
	memory *memory
}

// Broke is told of an invariant that does not hold.
func (f final) Broke(name, message string, p effect.Place) {
	if p != "" {
		f.World.Broke(name, message, p)
		return
	}
	f.memory.last = append(f.memory.last, simulate.Violation{Invariant: name, Message: message})
}

// finish asks the script's invariants of the end, if the run has come to one.
func (m *memory) finish(s *script.Script, out interpreter.Outcome) {
	m.last, m.unjudged = nil, nil
	if !m.status.Terminal() || m.dead {
		return
	}
	ending := map[string]any{"status": string(m.status), "rolled_back": m.status == effect.StatusRolledBack}
	if e := effect.AsError(out.Err); out.Err != nil && e != nil {
		ending["error"], ending["code"] = e.Message, string(e.Code)
	}
	m.world.Settle()
	m.unjudged = s.Finally(context.Background(), m.world.State(), ending)
}

// memory is the journal of a simulated run. Once it is dead it takes nothing,
// as the journal of a killed runner.
type memory struct {
	world  *simulate.World
	faults *simulate.Injector

	mu     sync.Mutex
	events []effect.Event
	status effect.Status
	dead   bool
	over   *effect.Stop  // what a runner that goes on to record is told
	word   simulate.Kind // of the operator, by which it is over

	camera *camera // films the run; nil for most
	film   *film   // if the run goes on from a moment of it
	from   *moment
	passed map[effect.Place]outcomeOf // of a run that goes on from a moment: what composites came to without a fault in them

	beside    bool                 // it is the second of two runs in its world
	onFailure string               // of the header
	last      []simulate.Violation // of what the script says of the end
	unjudged  error                // an invariant of the end that took too much
}

// around runs the composites of the main chunk; nil lets them run by themselves.
type around = func(context.Context, script.Composed) (any, error)

// above returns what stands above the Recorder of the n-th walk; nil for nothing.
// A walk that takes a run up again has the record alone: a film made on from there
// would begin after the faults it is for, and one that answers would hide where
// what the script does now is not what was recorded. run tells, once it stands, what runs composites.
func (m *memory) above(random *counted, n int) (above func(effect.Handler) effect.Handler, answered func(effect.Place) bool, run func() around) {
	pass := &passing{memory: m, first: n == 0}
	alone := func() around { return nil }
	passes := func() around {
		if pass.next == nil {
			return nil
		}
		return pass.around
	}
	switch {
	case m.camera != nil && n == 0:
		m.camera.random = random
		return func(next effect.Handler) effect.Handler {
			m.camera.next = next
			return m.camera
		}, nil, func() around { return m.camera.roll }
	case m.from == nil:
		return nil, nil, alone
	case n > 0:
		return func(next effect.Handler) effect.Handler {
			pass.next, _ = next.(recorder)
			return next
		}, nil, passes
	}
	_, _ = io.CopyN(io.Discard, random, m.from.drawn) // it never ends
	s := screen{film: m.film, moment: m.from}
	return func(next effect.Handler) effect.Handler {
		pass.next, _ = next.(recorder)
		s.next = next
		return s
	}, s.knows, passes
}

// id is the run's, as the keys of its effects have it.
func (m *memory) id() string {
	if m.beside {
		return "simulated-beside"
	}
	return "simulated"
}

func (m *memory) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead, m.over = true, &effect.Stop{Cause: simulate.Killed}
}

// ended reports whether the runner is to end.
func (m *memory) ended() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.over != nil
}

// begins reports whether something is about to leave.
func begins(events []effect.Event) bool {
	return slices.ContainsFunc(events, func(ev effect.Event) bool {
		return ev.Kind == effect.EffectIntended || ev.Kind == effect.TimerSet || ev.Kind == effect.QuestionAsked
	})
}

// endless reports whether a function of the last rollback was ended for what it
// took. It would be again, at the same cost.
func (m *memory) endless() bool {
	past := history.Of(m.events)
	for place := range past.Exhausted {
		if attempt, _, _ := place.Rollback(); attempt == past.Attempts {
			return true
		}
	}
	return false
}

// requestRollback is the operator's word.
func (m *memory) requestRollback() {
	m.add(effect.Event{At: m.world.Timeline().Now(), Kind: effect.RollbackRequested, Body: effect.Body{By: "operator"}})
}

// hear ends the runner where the operator has something to say about the effect
// whose outcome was just recorded.
func (m *memory) hear(events []effect.Event) {
	for _, ev := range events {
		if ev.Kind != effect.EffectDone && ev.Kind != effect.EffectFailed {
			continue
		}
		switch word := m.faults.Word(ev.Place); word {
		case "":
			continue
		case simulate.Canceled:
			m.word, m.over = word, &effect.Stop{Cause: effect.Canceled, Err: errors.New("canceled by operator, by the schedule")}
		default: // what follows is the next runner's
			m.word, m.dead, m.over = word, true, &effect.Stop{Cause: simulate.Killed}
		}
		m.world.Timeline().Halt(m.over)
	}
}

func (m *memory) add(ev effect.Event) effect.Event {
	ev.Seq = int64(len(m.events) + 1)
	m.events = append(m.events, ev) // behind what earlier walks were given
	return ev
}

// Append keeps events.
func (m *memory) Append(_ context.Context, events ...effect.Event) ([]effect.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over != nil && (m.dead || begins(events)) {
		return nil, m.over
	}
	before := len(m.events)
	m.events = append(m.events, events...)
	out := m.events[before:len(m.events):len(m.events)]
	for i := range out {
		out[i].Seq = int64(before + i + 1)
	}
	m.hear(out)
	return out, nil
}

// Until never comes while the runner lives.
func (m *memory) Until() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return time.Time{}
	}
	return m.world.Timeline().Now().Add(time.Hour)
}

// SetStatus keeps a change of status.
func (m *memory) SetStatus(_ context.Context, st effect.Status, events ...effect.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return &effect.Stop{Cause: simulate.Killed}
	}
	for _, ev := range events {
		m.add(ev)
	}
	if n := len(events); n == 0 || events[n-1].Kind != effect.StatusChanged {
		m.add(effect.Event{At: m.world.Timeline().Now(), Kind: effect.StatusChanged, Body: effect.Body{Status: st}})
	}
	m.status = st
	return nil
}

// Lock tells the world which locks the run holds.
func (m *memory) Lock(_ context.Context, names []string) error {
	m.world.Locked(names)
	return nil
}

// AddSource does nothing: the sources are at hand.
func (m *memory) AddSource(context.Context, journal.Source, effect.Event) error { return nil }

// resolve says of every unknown outcome what an operator finds.
func (m *memory) resolve(w *simulate.World) {
	for _, open := range history.Of(m.events).Open() {
		body := effect.Body{Op: open.Op, By: "operator", Outcome: string(history.OutcomeNotApplied)}
		if w.Applied(replay.Key(m.id(), open.Place)) {
			body.Outcome, body.Value = string(history.OutcomeApplied), []byte("{}")
		}
		m.add(effect.Event{At: w.Timeline().Now(), Kind: effect.EffectResolved, Place: open.Place, Body: body})
	}
}

// seeded draws the random numbers of a simulated run.
func seeded(seed int64, walk int) *counted {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], uint64(seed))
	binary.LittleEndian.PutUint64(key[8:], uint64(walk))
	return &counted{Reader: rand.NewChaCha8(key)}
}

// digest stands for the keyed digest of a secret: a simulated journal is never
// written anywhere.
func digest(s effect.Secret) string {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return "sha256:" + hex.EncodeToString(sum[:])
}
