package simulate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// succeeds is the name of what has to hold of a run in which nothing fails.
const succeeds = "the run succeeds where nothing fails"

// judgeBaseline holds against the run without a fault of the explorer's own
// what only it has to do.
func (e *Explorer) judgeBaseline(t *Trial) {
	why := dead(t)
	meant := e.Scripted || len(t.Schedule) > 0 // the world is such that it may be right to fail
	switch {
	case why != nil && len(t.Broken) > 0: // said already
		return
	case why == nil && len(t.Schedule) == 0 && mistaken(t) != nil: // in no world is that right
		why = mistaken(t)
	case why == nil && (meant || t.Ending.Status == effect.StatusSucceeded):
		return
	case why == nil && t.Ending.Err != nil:
		why = t.Ending.Err
	case why == nil:
		why = errors.New("it is " + string(t.Ending.Status))
	}
	t.Broken = append([]Violation{{Invariant: succeeds, Message: why.Error(), At: e.Setup.Start.Add(t.Took)}}, t.Broken...)
}

// undisturbed runs the script without a fault of the explorer's own, and lets the
// invariants know from then on what happens in it. For those that ask what comes
// next it is run once more, so that what they find in it is told of it, and not of
// the first schedule, whose fault has nothing to do with it.
func (e *Explorer) undisturbed(ctx context.Context) (Trial, error) {
	e.Setup.Usual, e.Setup.UsualLog, e.other = nil, nil, nil
	base, err := e.Try(ctx, e.Base)
	if err != nil {
		return base, err
	}
	e.Setup.Usual, e.Setup.UsualLog = e.Setup.occurrences(base.Entries), effect.LogOf(base.Ending.Events)
	e.other = e.twists(&base)
	ahead := map[string]bool{}
	for _, inv := range e.Setup.Invariants {
		ahead[inv.Name] = ahead[inv.Name] || inv.Ahead
	}
	for _, broken := range base.Broken {
		delete(ahead, broken.Invariant)
	}
	if dead(&base) != nil || !slices.Contains(slices.Collect(maps.Values(ahead)), true) {
		return base, nil
	}
	again, err := e.Try(ctx, e.Base)
	for _, broken := range again.Broken {
		if ahead[broken.Invariant] {
			base.Broken = append(base.Broken, broken)
		}
	}
	return base, err
}

// mistaken returns the error by which a run did not succeed that is the runbook's
// own: a change that was given less time than it takes, arguments that no system
// would take, an operation on a value that is not there. nil if there is none.
func mistaken(t *Trial) error {
	if t.Ending.Status == effect.StatusSucceeded {
		return nil
	}
	for _, e := range t.Entries {
		if e.Err != nil && e.Err.Code == effect.CodeTimeout && e.Fault == "" && e.Class.Writes() {
			return fmt.Errorf("%s at %s: %s; %s", e.Op, e.Where, e.Err.Message, e.Err.Hint)
		}
	}
	e := effect.AsError(t.Ending.Err)
	if e != nil && (e.Code == effect.CodeInvalid || e.Code == effect.CodeInternal && strings.Contains(e.Message, ": attempt to ")) {
		return t.Ending.Err
	}
	return nil
}

// dead returns why a run came to a standstill that no system and no person
// brought about, so that nothing can be learned from what begins like it; nil
// if it did not.
func dead(t *Trial) error {
	if s := effect.AsStop(t.Ending.Err); s != nil {
		return s
	}
	if t.Ending.Endless && len(t.Ending.Rollbacks) > 0 {
		return t.Ending.Rollbacks[0]
	}
	if t.Ending.Unjudged != nil {
		return t.Ending.Unjudged
	}
	if e := effect.AsError(t.Ending.Err); e != nil && e.Code == effect.CodeUnsupported {
		return t.Ending.Err
	}
	if !t.Ending.Status.Terminal() {
		return fmt.Errorf("the run stays %s", t.Ending.Status)
	}
	return nil
}

// unseen returns the ops that could not be simulated, each once, in the order
// in which the run came to know it.
func unseen(events []effect.Event) []string {
	var list []string
	for i := range events {
		b := &events[i].Body
		if events[i].Kind == effect.EffectFailed && b.Error != nil && b.Error.Code == effect.CodeUnsupported && !slices.Contains(list, b.Op) {
			list = append(list, b.Op)
		}
	}
	return list
}

// opaque counts the writes of a run, and those of which nobody said what they
// change: what they do to the world is not rehearsed.
func opaque(entries []Entry) (opaque, writes int) {
	for _, e := range entries {
		if !e.Class.Writes() || e.Err != nil || effect.Asks(e.Op) {
			continue
		}
		writes++
		if e.opaque() {
			opaque++
		}
	}
	return opaque, writes
}

// opaque reports whether nobody said what the effect changes.
func (e Entry) opaque() bool {
	return e.Class.Writes() && e.Err == nil && e.Fact == Assumed && len(e.Changes) == 0 && !e.Declared
}
