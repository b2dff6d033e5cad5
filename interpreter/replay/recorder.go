package replay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
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
	History *history.History // the run's journal so far, which becomes the Recorder's
	Journal Journal          // nil for a read-only replay
	Next    effect.Handler   // carries out what is not recorded
	Now     func() time.Time
	Digest  func(effect.Secret) string
	// Watch, if set, is told of every event as it is recorded.
	Watch func(effect.Event)
	// Hold is how long an outcome may wait for the commit of what follows it;
	// zero commits each at once.
	Hold time.Duration
	// Broken, if set, is told when outcomes could not be written while no
	// effect was there to say so.
	Broken func(*effect.Stop)
	// Hard bounds writes that are under way. The context of Do, which ends
	// first, keeps new effects from starting and cuts reads and waits short.
	Hard context.Context
	// Cut says that a rollback was asked for already: see [Recorder.Cut].
	Cut bool
	// Forget says that a person takes it upon themselves: secrets from the record
	// that cannot be asked for are done without, although results may show them.
	Forget bool
	// Missing says of secrets that the run was started with, by their digests, why
	// they are not known. Results are withheld then.
	Missing map[string]error
	// Note, if set, is told what a resume has to do without.
	Note func(line string)
	// Answered, if set, says of which recorded effects of the main chunk the
	// script has the outcome from elsewhere: it does not ask for them here.
	Answered func(effect.Place) bool
}

// Recorder answers effects from the journal and records new ones. It is made
// for one walk through one script.
type Recorder struct {
	opts Options

	mu      sync.Mutex
	turn    *sync.Cond // signalled when the cursor moves or the walk stops
	hist    *history.History
	claimed []bool // by number, which effects of the past the script has asked for
	cursor  int    // into hist.Order: outcomes before it are claimed
	ahead   ahead  // decodes what the cursor comes to
	rolling bool
	cut     cut
	pending pending // what waits for the next commit
	stop    *effect.Stop
	beyond  *effect.Call
	live    int // effects carried out by this Recorder
	secrets vault
	// unsettled holds the places of writes that have an intent and no outcome.
	unsettled map[effect.Place]bool
	// branches holds the places of the parallel branches that the script has
	// started.
	branches map[effect.Place]bool
	// waited holds sleeps and questions in branches that have their outcome from
	// this Recorder; ended those that ended with their branch.
	waited, ended map[effect.Place]bool

	away    atomic.Int64 // see Idle
	blocked atomic.Int64 // calls in await that have looked since the last change
	changes int          // of what calls in await look at
}

// New returns a Recorder at the beginning of the run's history.
func New(opts Options) *Recorder {
	r := &Recorder{opts: opts, hist: opts.History, unsettled: map[effect.Place]bool{}, branches: map[effect.Place]bool{},
		waited: map[effect.Place]bool{}, ended: map[effect.Place]bool{}}
	if r.hist == nil {
		r.hist = history.Of(nil)
	}
	r.secrets.miss(opts.Missing)
	r.claimed = make([]bool, len(r.hist.Effects))
	r.passAnswered()
	r.ahead = newAhead(r.hist.Order)
	for _, rec := range r.hist.Open() {
		r.unsettled[rec.Place] = true
	}
	r.turn = sync.NewCond(&r.mu)
	r.cut = newCut()
	if opts.Cut {
		r.cut.make()
	}
	if r.opts.Hard == nil {
		r.opts.Hard = context.Background()
	}
	return r
}

// passAnswered takes out of the record what the script does not ask for here.
func (r *Recorder) passAnswered() {
	if r.opts.Answered == nil {
		return
	}
	left := make([]*history.Effect, 0, len(r.hist.Order))
	for i, rec := range r.hist.Order {
		if i == r.hist.Main { // answers are of the main chunk
			left = append(left, r.hist.Order[i:]...)
			break
		}
		if !r.opts.Answered(rec.Place) {
			left = append(left, rec)
		}
	}
	r.hist.Main -= len(r.hist.Order) - len(left)
	r.hist.Order = left
	for _, rec := range r.hist.Effects {
		r.claimed[rec.N] = r.opts.Answered(rec.Place)
	}
}

// Do answers the call from the journal, or carries it out and records it.
func (r *Recorder) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Class == effect.Mark {
		return r.mark(call)
	}
	args, err := effect.Encode(call.Args, r.opts.Digest)
	if err != nil {
		return effect.Result{}, effect.Errorf(effect.CodeInvalid, "%v", err)
	}
	rec, err := r.claim(call, args)
	if err != nil {
		return effect.Result{}, err
	}
	if rec != nil && rec.Late {
		if rec.CutShort {
			return effect.Result{}, leftHere()
		}
		return effect.Result{}, cutHere()
	}
	if rec != nil && rec.State == history.Closed {
		return r.replayed(ctx, call, rec)
	}
	if call.Op.Module == effect.ControlModule && call.Class.Writes() && r.endsWithBranch(call.Place) {
		return effect.Result{}, r.untilEnded(ctx, call)
	}
	call.Run, call.Key, call.Attempt = r.opts.Run, Key(r.opts.Run, call.Place), 1
	if call.Class == effect.Value {
		return r.value(ctx, call, args)
	}
	if rec != nil && rec.Class.Writes() && !call.Class.Writes() { // the op was declared anew since: what was begun is a write
		call.Class, call.Recovery = rec.Class, rec.Recovery
	}
	// What certainly did not happen is as good as not begun.
	if err := r.caughtUp(ctx, call, rec != nil && rec.State == history.Open && call.Op.Module != effect.ControlModule); err != nil {
		return effect.Result{}, err
	}
	if call.Op.Module != effect.ControlModule {
		if err := r.remember(ctx, &call); err != nil {
			return effect.Result{}, err
		}
	}
	if call.Class.Writes() {
		return r.write(ctx, call, args, rec)
	}
	return r.read(ctx, call, args)
}

// Key returns the idempotency key of the effect at a place: 32 hex digits, the
// same for every attempt.
func Key(run string, place effect.Place) string {
	sum := sha256.Sum256([]byte(run + "\x00" + string(place)))
	return hex.EncodeToString(sum[:16])
}

// claim finds the record at the call's place and compares it.
func (r *Recorder) claim(call effect.Call, args []byte) (*history.Effect, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return nil, r.stop
	}
	rec := r.hist.At(call.Place)
	if rec == nil {
		return nil, r.beyondFailure(call, args)
	}
	r.claimed[rec.N] = true
	if rec.Op != call.Op.String() || !bytes.Equal(rec.Args, args) {
		return nil, r.diverge(call.Place, rec, Side{call.Op.String(), args, call.Where})
	}
	return rec, nil
}

// diverge ends the walk; r.mu is held.
func (r *Recorder) diverge(place effect.Place, rec *history.Effect, requested Side) error {
	d := &Divergence{Run: r.opts.Run, Place: place, Recorded: Side{rec.Op, rec.Args, rec.Where}, Requested: requested}
	return r.halt(&effect.Stop{Cause: effect.Diverged, Err: d})
}

// halt ends the walk for all branches; r.mu is held. The first cause counts.
func (r *Recorder) halt(s *effect.Stop) *effect.Stop {
	if r.stop == nil {
		r.stop = s
	}
	r.signal()
	return r.stop
}

// replayed waits until it is this outcome's turn and returns it.
func (r *Recorder) replayed(ctx context.Context, call effect.Call, rec *history.Effect) (effect.Result, error) {
	var decoded *batch
	var n int
	if call.Class != effect.Value {
		err := r.await(ctx, call, func() *history.Effect { return r.before(call.Place) }, func() {
			r.cursor++
			decoded, n = r.ahead.take()
			settled(call)
			r.signal()
		})
		if err != nil {
			return effect.Result{}, err
		}
	}
	res, err := effect.Result{}, error(nil)
	if decoded != nil {
		res, err = decoded.answer(n)
	} else {
		res, err = outcome(rec.Value, rec.Err)
	}
	if err == nil && call.Op.ReturnsSecrets() {
		r.secrets.seal(call, res.Value)
	}
	return res, err
}

// before returns the record that has to be claimed before the outcome at a
// place has its turn; nil if the turn has come. r.mu is held.
func (r *Recorder) before(place effect.Place) *history.Effect {
	if r.cursor >= len(r.hist.Order) { // the turn of this one was before
		return r.hist.At(place)
	}
	if next := r.hist.Order[r.cursor]; next.Place != place {
		return next
	}
	return nil
}

// caughtUp waits until every recorded outcome has been claimed, so that
// nothing new starts before the script has agreed with all of its past.
func (r *Recorder) caughtUp(ctx context.Context, call effect.Call, begun bool) error {
	var stop *effect.Stop
	err := r.await(ctx, call, r.missing, func() {
		switch {
		case !r.rolling && r.hist.Rolling(): // in a read-only replay, too: the rollback's record follows
			stop = cutHere()
			if rec := r.hist.At(call.Place); rec != nil && rec.CutShort && rec.State == history.Open {
				r.leave(call)
				stop = leftHere()
			}
		case r.opts.Journal == nil:
			r.beyond = &call
			stop = r.halt(&effect.Stop{Cause: effect.EndOfRecord})
		case r.ending() && !begun:
			stop = cutHere()
		}
	})
	if err == nil && stop != nil {
		return stop
	}
	return err
}

// bound returns how many outcomes belong to the part of the run under way.
func (r *Recorder) bound() int {
	if r.rolling {
		return len(r.hist.Order)
	}
	return r.hist.Main
}

// missing returns a record that has to be claimed before anything new may
// start; nil if there is none. r.mu is held.
func (r *Recorder) missing() *history.Effect {
	if r.cursor < r.bound() {
		return r.hist.Order[r.cursor]
	}
	return nil
}

// await blocks the call while next names a record that another branch can
// still claim or settle, then calls then; both run under r.mu.
func (r *Recorder) await(ctx context.Context, call effect.Call, next func() *history.Effect, then func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := -1
	defer r.unblock(&seen)
	for waits := false; ; waits = true {
		if r.stop != nil {
			return r.stop
		}
		if ctx.Err() != nil {
			return stopOf(ctx)
		}
		if r.ended[call.Place] {
			return withBranch()
		}
		rec := next()
		if rec == nil {
			then()
			return nil
		}
		if !r.reachable(rec.Place, call.Place) {
			args, _ := effect.Encode(call.Args, r.opts.Digest)
			return r.diverge(rec.Place, rec, Side{call.Op.String(), args, call.Where})
		}
		if !waits { // most calls do not
			defer context.AfterFunc(ctx, r.wake)()
		}
		r.block(&seen)
	}
}

// wake lets whoever waits for a turn look again.
func (r *Recorder) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn.Broadcast()
}

// signal lets all who wait for a turn look at what has changed; r.mu is held.
func (r *Recorder) signal() {
	r.changes++
	r.blocked.Store(0)
	r.turn.Broadcast()
}

// block waits for a signal, or for what wake stands for; r.mu is held. seen is
// what the caller has looked at last.
func (r *Recorder) block(seen *int) {
	if *seen != r.changes {
		if *seen = r.changes; r.blocked.Add(1) == r.away.Load() {
			return // to look whether it is stuck
		}
	}
	r.turn.Wait()
}

// unblock takes back what block has counted; r.mu is held.
func (r *Recorder) unblock(seen *int) {
	if *seen == r.changes {
		r.blocked.Add(-1)
	}
}

// BeginRollback tells the Recorder that the main chunk has ended and the
// functions of a rollback follow. It returns why they may not: what a first
// rollback is to undo has to be known.
func (r *Recorder) BeginRollback() *effect.Stop {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return r.stop
	}
	if err := r.unclaimed(""); err != nil {
		return effect.AsStop(err)
	}
	switch {
	case len(r.unsettled) > 0 && !r.hist.Rolling() && r.opts.Journal != nil:
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

// unclaimed finds recorded effects inside a place that nobody asked for; r.mu is
// held. The engine's own questions come after the end of the main chunk. What
// was under way when a rollback was asked for need not be asked for again.
func (r *Recorder) unclaimed(inside effect.Place) error {
	missed := func(rec *history.Effect) bool {
		return !r.claimed[rec.N] && rec.Place.Within(inside) && !rec.Place.Asked()
	}
	for _, rec := range r.hist.Order[:r.bound()] {
		if missed(rec) {
			return r.diverge(rec.Place, rec, Side{})
		}
	}
	for _, rec := range r.hist.Effects {
		if rec.State != history.Closed && rec.Place.InRollback() == r.rolling && missed(rec) {
			return r.diverge(rec.Place, rec, Side{})
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
