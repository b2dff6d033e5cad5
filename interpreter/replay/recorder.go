package replay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Journal is where a Recorder writes.
type Journal interface {
	// Append makes events durable, all or none, and returns them with their
	// sequence numbers. An error may be a *effect.Stop.
	Append(ctx context.Context, events ...effect.Event) ([]effect.Event, error)
	// Until returns up to when the runner's lease certainly holds, by the wall
	// clock; zero if it may have ended.
	Until() time.Time
}

// Options are what a Recorder works with.
type Options struct {
	Run     string
	History []effect.Event // the run's journal so far
	Journal Journal        // nil for a read-only replay
	Next    effect.Handler // carries out what is not recorded
	Now     func() time.Time
	Seal    func(effect.Secret) string
	// Watch, if set, is told of every event as it is recorded.
	Watch func(effect.Event)
	// Hard bounds writes that are under way. The context of Do, which ends
	// first, keeps new effects from starting and cuts reads and waits short.
	Hard context.Context
	// NoNewEffects stops the script with this cause where it asks for an
	// effect that has no intent yet; empty lets it go on.
	NoNewEffects effect.Cause
}

// Recorder answers effects from the journal and records new ones. It is made
// for one walk through one script.
type Recorder struct {
	opts Options

	mu      sync.Mutex
	turn    *sync.Cond // signalled when the cursor moves or the walk stops
	hist    *history
	cursor  int // into hist.order: outcomes before it are claimed
	rolling bool
	pending []effect.Event // values and marks that wait for the next commit
	values  bool           // pending holds a value
	stop    *effect.Stop
	beyond  *effect.Call
	live    int // effects carried out by this Recorder
	// unsettled holds the places of writes that have an intent and no outcome.
	unsettled map[string]bool
	// branches holds the parallel branches that the script has started: the
	// names by the place of parallel{}.
	branches map[string]map[string]bool
}

// New returns a Recorder at the beginning of the run's history.
func New(opts Options) *Recorder {
	r := &Recorder{opts: opts, hist: fold(opts.History), unsettled: map[string]bool{}, branches: map[string]map[string]bool{}}
	for _, rec := range r.hist.begun {
		if rec.state == open {
			r.unsettled[rec.place] = true
		}
	}
	r.turn = sync.NewCond(&r.mu)
	if r.opts.Hard == nil {
		r.opts.Hard = context.Background()
	}
	return r
}

// Do answers the call from the journal, or carries it out and records it.
func (r *Recorder) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Class == effect.Mark {
		return effect.Result{}, r.mark(call)
	}
	args, err := effect.Encode(call.Args, r.opts.Seal)
	if err != nil {
		return effect.Result{}, effect.Errorf(effect.CodeInvalid, "%v", err)
	}
	rec, err := r.claim(call, args)
	if err != nil {
		return effect.Result{}, err
	}
	if rec != nil && rec.state == closed {
		return r.replayed(ctx, call, rec)
	}
	call.Run, call.Key, call.Attempt = r.opts.Run, Key(r.opts.Run, call.Place), 1
	if call.Class == effect.Value {
		return r.value(ctx, call, args)
	}
	if rec != nil && rec.class.Writes() && !call.Class.Writes() { // the op was declared anew since: what was begun is a write
		call.Class, call.Recovery = rec.class, rec.recovery
	}
	// What certainly did not happen is as good as not begun.
	if err := r.caughtUp(ctx, call, rec != nil && rec.state == open && call.Op.Module != effect.ControlModule); err != nil {
		return effect.Result{}, err
	}
	if call.Class.Writes() {
		return r.write(ctx, call, args, rec)
	}
	return r.read(ctx, call, args)
}

// Key returns the idempotency key of the effect at a place: 32 hex digits, the
// same for every attempt.
func Key(run, place string) string {
	sum := sha256.Sum256([]byte(run + "\x00" + place))
	return hex.EncodeToString(sum[:16])
}

// claim finds the record at the call's place and compares it.
func (r *Recorder) claim(call effect.Call, args []byte) (*record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return nil, r.stop
	}
	rec := r.hist.records[call.Place]
	if rec == nil {
		return nil, nil
	}
	rec.claimed = true
	if rec.op != call.Op.String() || !bytes.Equal(rec.args, args) {
		return nil, r.diverge(call.Place, rec, Side{call.Op.String(), args, call.Where})
	}
	return rec, nil
}

// diverge ends the walk; r.mu is held.
func (r *Recorder) diverge(place string, rec *record, requested Side) error {
	d := &Divergence{Run: r.opts.Run, Place: place, Recorded: Side{rec.op, rec.args, rec.where}, Requested: requested}
	return r.halt(&effect.Stop{Cause: effect.Diverged, Err: d})
}

// halt ends the walk for all branches; r.mu is held. The first cause counts.
func (r *Recorder) halt(s *effect.Stop) *effect.Stop {
	if r.stop == nil {
		r.stop = s
	}
	r.turn.Broadcast()
	return r.stop
}

// replayed waits until it is this outcome's turn and returns it.
func (r *Recorder) replayed(ctx context.Context, call effect.Call, rec *record) (effect.Result, error) {
	if call.Class != effect.Value {
		err := r.await(ctx, call, func() *record { return r.before(call.Place) }, func() {
			r.cursor++
			settled(call)
			r.turn.Broadcast()
		})
		if err != nil {
			return effect.Result{}, err
		}
	}
	if rec.err == nil && returnsSecrets(call.Op) {
		return r.asked(ctx, call, rec)
	}
	return outcome(rec.value, rec.err)
}

// before returns the record that has to be claimed before the outcome at a
// place has its turn; nil if the turn has come. r.mu is held.
func (r *Recorder) before(place string) *record {
	if r.cursor >= len(r.hist.order) { // the turn of this one was before
		return r.hist.records[place]
	}
	if next := r.hist.order[r.cursor]; next != place {
		return r.hist.records[next]
	}
	return nil
}

// caughtUp waits until every recorded outcome has been claimed, so that
// nothing new starts before the script has agreed with all of its past.
func (r *Recorder) caughtUp(ctx context.Context, call effect.Call, begun bool) error {
	err := r.await(ctx, call, func() *record { return r.missing(begun) }, func() {
		switch {
		case !r.rolling && r.hist.rolling: // in a read-only replay, too: the rollback's record follows
			r.halt(&effect.Stop{Cause: effect.RollingBack})
		case r.opts.Journal == nil:
			r.beyond = &call
			r.halt(&effect.Stop{Cause: effect.EndOfRecord})
		case r.opts.NoNewEffects != "" && !begun && !r.rolling:
			r.halt(&effect.Stop{Cause: r.opts.NoNewEffects})
		}
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return r.stop
	}
	return nil
}

// bound returns how many outcomes belong to the part of the run under way.
func (r *Recorder) bound() int {
	if r.rolling {
		return len(r.hist.order)
	}
	return r.hist.main
}

// missing returns a record that has to be claimed or settled before anything
// new may start; nil if there is none. begun says that the call itself was
// begun before. r.mu is held.
func (r *Recorder) missing(begun bool) *record {
	if r.cursor < r.bound() {
		return r.hist.records[r.hist.order[r.cursor]]
	}
	if begun || r.rolling || r.hist.rolling || r.opts.NoNewEffects == "" {
		return nil
	}
	// The walk ends here. First the other branches find out what became of the
	// writes that they had begun.
	for _, rec := range r.hist.begun {
		if rec.state == open {
			return rec
		}
	}
	return nil
}

// await blocks the call while next names a record that another branch can
// still claim or settle, then calls then; both run under r.mu.
func (r *Recorder) await(ctx context.Context, call effect.Call, next func() *record, then func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for waits := false; ; waits = true {
		if r.stop != nil {
			return r.stop
		}
		if ctx.Err() != nil {
			return stopOf(ctx)
		}
		rec := next()
		if rec == nil {
			then()
			return nil
		}
		if !r.reachable(rec.place, call.Place) {
			args, _ := effect.Encode(call.Args, r.opts.Seal)
			return r.diverge(rec.place, rec, Side{call.Op.String(), args, call.Where})
		}
		if !waits { // most calls do not
			defer context.AfterFunc(ctx, r.wake)()
		}
		r.turn.Wait()
	}
}

// wake lets whoever waits for a turn look again.
func (r *Recorder) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn.Broadcast()
}

// BeginRollback tells the Recorder that the main chunk has ended and the
// functions of a rollback follow. It returns why they may not: what a first
// rollback is to undo has to be known.
func (r *Recorder) BeginRollback() *effect.Stop {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.stop; s != nil && s.Cause == effect.RollingBack {
		r.stop = nil
	}
	switch {
	case r.stop != nil:
		return r.stop
	case len(r.unsettled) > 0 && !r.hist.rolling && r.opts.Journal != nil:
		return r.halt(&effect.Stop{Cause: effect.Interrupted,
			Err: errors.New("the outcome of a write that was under way is not known; the resume settles it, then it rolls back")})
	}
	r.rolling = true
	return nil
}

// Finish verifies that a script which has ended asked for all that is
// recorded of the part under way. It returns a *effect.Stop with cause
// Diverged otherwise.
func (r *Recorder) Finish() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unclaimed("")
}

// unclaimed finds recorded effects below prefix that nobody asked for; r.mu is
// held. The engine's own questions come after the end of the main chunk. What
// was under way when a rollback was asked for need not be asked for again.
func (r *Recorder) unclaimed(prefix string) error {
	missed := func(rec *record) bool {
		return !rec.claimed && strings.HasPrefix(rec.place, prefix) && !strings.HasPrefix(rec.place, "q")
	}
	for _, place := range r.hist.order[:r.bound()] {
		if rec := r.hist.records[place]; missed(rec) {
			return r.diverge(place, rec, Side{})
		}
	}
	for place, rec := range r.hist.records {
		if rec.state != closed && strings.HasPrefix(place, "r") == r.rolling && missed(rec) {
			return r.diverge(place, rec, Side{})
		}
	}
	return nil
}

// Live returns how many effects were carried out rather than replayed.
func (r *Recorder) Live() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live
}

// Replayed returns how many effects were answered from the journal.
func (r *Recorder) Replayed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cursor
}

// Flush writes values and marks that still wait for a commit.
func (r *Recorder) Flush(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.append(ctx)
}

// append commits what is pending and then events; r.mu is held.
func (r *Recorder) append(ctx context.Context, events ...effect.Event) error {
	if len(r.pending)+len(events) == 0 || r.opts.Journal == nil {
		return nil
	}
	batch := append(r.pending, events...)
	written, err := r.opts.Journal.Append(ctx, batch...)
	if err != nil {
		var s *effect.Stop
		if !errors.As(err, &s) {
			s = &effect.Stop{Cause: effect.Unwritable, Err: err}
		}
		r.halt(s)
		return s // whatever stopped the walk before: this is why this was not written
	}
	r.pending, r.values = nil, false
	if r.opts.Watch != nil {
		for _, ev := range written[len(written)-len(events):] {
			r.opts.Watch(ev)
		}
	}
	return nil
}

// buffer keeps an event for the next commit; r.mu is held.
func (r *Recorder) buffer(ev effect.Event) {
	r.pending = append(r.pending, ev)
	if r.opts.Watch != nil {
		r.opts.Watch(ev)
	}
}

func (r *Recorder) event(kind effect.Kind, call effect.Call, body effect.Body) effect.Event {
	return effect.Event{At: r.opts.Now().UTC(), Kind: kind, Place: call.Place, Body: body}
}

// outcome turns a recorded outcome into what Do returns.
func outcome(value json.RawMessage, failure *effect.Error) (effect.Result, error) {
	if failure != nil {
		return effect.Result{}, failure
	}
	if len(value) == 0 {
		return effect.Result{}, nil
	}
	v, err := effect.Decode(value)
	if err != nil {
		return effect.Result{}, fmt.Errorf("read a recorded value: %w", err)
	}
	return effect.Result{Value: v}, nil
}

func settled(call effect.Call) {
	if call.Settled != nil {
		call.Settled()
	}
}

// stopOf says why a context ended, as a Stop.
func stopOf(ctx context.Context) *effect.Stop {
	if s := effect.AsStop(context.Cause(ctx)); s != nil {
		return s
	}
	return &effect.Stop{Cause: effect.Interrupted}
}

// Beyond returns the first effect that the script asked for and the journal
// does not hold, or nil. It serves a read-only replay.
func (r *Recorder) Beyond() *effect.Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.beyond
}
