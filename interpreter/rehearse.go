package interpreter

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
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
)

// Rehearsal carries runs of one script out in simulated worlds. It is a
// simulate.Runner and serves several goroutines.
type Rehearsal struct {
	Main    script.Source
	Loader  script.Loader
	Catalog *effect.Catalog
	Params  map[string]any // canonical, as the header wants them
	Getenv  func(string) (string, bool)
	// Cache keeps the compiled script; nil compiles it for each run.
	Cache *script.Cache
	// Cover, if set, counts the statements of the script that run.
	Cover *script.Coverage
	// Watch, if set, is told of every event. It must not be shared by runs at
	// the same time.
	Watch Watcher
}

// Rehearse carries one run from its start to its end.
func (r *Rehearsal) Rehearse(ctx context.Context, w *simulate.World, s simulate.Schedule) (simulate.Ending, error) {
	m := &memory{world: w}
	strike := simulate.NewStriker(s, w, nil, nil)
	end := simulate.Ending{}
	for _, p := range r.Params {
		end.Secrets = collect(p, end.Secrets)
	}
	retried := false
	for n := 0; n < maxWalks; n++ {
		out, err := r.walk(ctx, w, m, strike, n)
		if err != nil {
			return end, err
		}
		end.Status, end.Err, end.Rollbacks, end.Events = m.status, out.Err, out.Rollbacks, m.events
		end.RollsBack = m.onFailure == onFailureRollback
		if ctx.Err() != nil {
			return end, ctx.Err()
		}
		switch {
		case effect.AsStop(out.Err) != nil && effect.AsStop(out.Err).Cause == simulate.Endless:
			return end, nil
		case m.dead:
			w.Timeline().Skip(resumeAfter)
		case m.status == effect.StatusUnknown:
			w.Timeline().Skip(resumeAfter)
			m.resolve(w)
		case m.status == effect.StatusRollbackFailed && !retried:
			retried = true
			w.Timeline().Skip(resumeAfter)
			m.add(effect.Event{At: w.Timeline().Now(), Kind: effect.RollbackRequested, Body: effect.Body{By: "operator"}})
		default:
			return end, nil
		}
	}
	return end, nil
}

// walk is one walk of the run: from the start, or on from what m holds.
func (r *Rehearsal) walk(ctx context.Context, w *simulate.World, m *memory, strike *simulate.Striker, n int) (Outcome, error) {
	w.Timeline().Restart()
	m.dead = false
	if m.status == "" {
		m.status = effect.StatusRunning
		m.add(effect.Event{At: w.Timeline().Now(), Kind: effect.RunCreated, Body: effect.Body{Text: r.Main.Name}})
	}
	watch := r.Watch
	if watch == nil {
		watch = nobody{}
	}
	getenv := r.Getenv
	if getenv == nil {
		getenv = func(string) (string, bool) { return "", false }
	}
	k := &walk{
		opts: Options{Catalog: r.Catalog, World: w, Clock: w.Timeline(), Random: seeded(w.Seed(), n), Getenv: getenv, Watch: watch},
		run:  journal.Run{ID: "simulated", Name: r.Main.Name, Status: m.status}, writer: m, history: m.events, params: r.Params,
		main: r.Main, loader: r.Loader, seal: digest,
		sim: &simulated{rehearsal: r, world: w, strike: strike, memory: m, watch: watch},
	}
	out, err := k.carry(ctx)
	m.onFailure = k.header.OnFailure
	return out, err
}

// simulated is what makes a walk one in a simulated world.
type simulated struct {
	rehearsal *Rehearsal
	world     *simulate.World
	strike    *simulate.Striker
	memory    *memory
	watch     Watcher
}

// stack puts the faults above the engine's own effects and the world.
func (s *simulated) stack(control, world effect.Handler) effect.Handler {
	return s.strike.Over(watching{s.watch, effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
		if call.Op.Module == effect.ControlModule && call.Op.String() != effect.OpApprove {
			if err := s.world.Passed(call); err != nil {
				return effect.Result{}, err
			}
			return control.Do(ctx, call)
		}
		return world.Do(ctx, call)
	})}, s.memory.die)
}

// equip connects the script to the virtual clock and to the world.
func (s *simulated) equip(o *script.Options) {
	o.Idle = s.world.Timeline().Idle
	o.World, o.Broke = s.world.State, s.world.Broke
	o.Cache, o.Cover = s.rehearsal.Cache, s.rehearsal.Cover
}

// memory is the journal of a simulated run. Once it is dead it takes nothing,
// as the journal of a killed runner.
type memory struct {
	world *simulate.World

	mu     sync.Mutex
	events []effect.Event
	status effect.Status
	dead   bool

	onFailure string // of the header
}

func (m *memory) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
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
	if m.dead {
		return nil, &effect.Stop{Cause: simulate.Killed}
	}
	before := len(m.events)
	m.events = append(m.events, events...)
	out := m.events[before:len(m.events):len(m.events)]
	for i := range out {
		out[i].Seq = int64(before + i + 1)
	}
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

// Renew does nothing.
func (m *memory) Renew(context.Context) error { return nil }

// News never has any.
func (m *memory) News(context.Context) ([]effect.Event, error) { return nil, nil }

// Close does nothing.
func (m *memory) Close(context.Context) error { return nil }

// resolve says of every unknown outcome what an operator finds.
func (m *memory) resolve(w *simulate.World) {
	for _, open := range replay.Opens(m.events) {
		body := effect.Body{Op: open.Op, By: "operator", Outcome: string(replay.OutcomeNotApplied)}
		if w.Applied(replay.Key("simulated", open.Place)) {
			body.Outcome, body.Value = string(replay.OutcomeApplied), []byte("{}")
		}
		m.add(effect.Event{At: w.Timeline().Now(), Kind: effect.EffectResolved, Place: open.Place, Body: body})
	}
}

// seeded draws the random numbers of a simulated run.
func seeded(seed int64, walk int) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], uint64(seed))
	binary.LittleEndian.PutUint64(key[8:], uint64(walk))
	return rand.NewChaCha8(key)
}

// digest stands for the keyed digest of a secret: a simulated journal is never
// written anywhere.
func digest(s effect.Secret) string {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ReadHeader returns the header of a script: what parameters it wants.
func (r *Rehearsal) ReadHeader(ctx context.Context) (script.Header, error) {
	h, err := script.ReadHeader(ctx, script.Options{Main: r.Main, Loader: r.Loader, Catalog: r.Catalog})
	var se *script.Error
	if err != nil && !errors.As(err, &se) {
		err = fmt.Errorf("read the header of %s: %w", r.Main.Name, err)
	}
	return h, err
}
