package simulate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// learn reads from the real system what the model needs to know for the
// effect, each thing once. Nothing but reads is made.
func (w *World) learn(ctx context.Context, model effect.Model, call effect.Call) (Basis, error) {
	learner, ok := model.(effect.Learner)
	if !ok || w.setup.Live == nil {
		return w.basisOf(model, call, false), nil
	}
	w.mu.Lock()
	needs := learner.Needs(w.moment(call.Op.Module, ""), call.Op.Name, call.Args)
	told := len(needs) > 0
	w.mu.Unlock()
	for _, r := range needs {
		known, err := w.find(ctx, learner, call, r)
		if err != nil {
			return Basis{}, err
		}
		told = told && known
	}
	return w.basisOf(model, call, told), nil
}

// find makes a read of the real system unless it was made before, and returns
// whether it told anything.
func (w *World) find(ctx context.Context, learner effect.Learner, call effect.Call, r effect.Reading) (bool, error) {
	id := call.Op.Module + "." + r.Op + fmt.Sprint(r.Args)
	w.mu.Lock()
	known, asked := w.known[id]
	w.mu.Unlock()
	if asked {
		return known, nil
	}
	known, err := w.read(ctx, learner, call, r)
	if err != nil {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known[id] = known
	return known, nil
}

// Prime reads from real systems, before anything happens, what models want to
// know in any case.
func (w *World) Prime(ctx context.Context) error {
	if w.setup.Live == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(w.models)) {
		model := w.models[name]
		learner, ok := model.(effect.Learner)
		primer, asks := model.(interface{ Prime() []effect.Reading })
		if !ok || !asks {
			continue
		}
		for _, r := range primer.Prime() {
			call := effect.Call{Place: "0", Class: effect.Read, Op: &effect.Op{Module: name, Name: r.Op, Class: effect.Read}}
			if _, err := w.find(ctx, learner, call, r); err != nil {
				return err
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start = w.state()
	return nil
}

// read makes one read of the real system. told is false if it cannot be made;
// the world goes on with what it has then, and says so.
func (w *World) read(ctx context.Context, learner effect.Learner, call effect.Call, r effect.Reading) (told bool, err error) {
	read := effect.Call{Run: call.Run, Place: call.Place, Where: call.Where, Class: effect.Read, Args: r.Args,
		Op: &effect.Op{Module: call.Op.Module, Name: r.Op, Class: effect.Read}}
	if call.Op.Name == r.Op {
		read.Op = call.Op
	}
	res, err := w.setup.Live.Do(ctx, read)
	if s := effect.AsStop(err); s != nil {
		return false, s
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(err, ErrNotLive) {
		return false, nil
	}
	if err != nil {
		failure := effect.AsError(err)
		asked := read.Op == call.Op && call.Where != (effect.Position{}) // by the script, not by the model
		if asked && failure.Code != effect.CodeUnsupported {
			// This is the script's own read, and the real system's answer to it.
			w.entries = append(w.entries, Entry{At: w.timeline.Now(), Place: call.Place, Op: call.Op.String(), Class: call.Class,
				Args: call.Args, Where: call.Where, Err: failure, Basis: Basis{Fact: Live}})
			return false, failure
		}
		w.unread = append(w.unread, Unread{read.Op.String(), failure.Message})
		return false, nil
	}
	if err := learner.Learn(r, res.Value); err != nil {
		return false, fmt.Errorf("take what %s returned into the simulated world: %w", read.Op, err)
	}
	w.lessons = append(w.lessons, lesson{read.Op.Module, r, res.Value})
	return true, nil
}

// ErrNotLive is what Setup.Live returns for a module that no backend carries:
// what is not known of it is assumed, and no read has failed.
var ErrNotLive = errors.New("no backend carries the module")

// Unread returns the reads of real systems that failed.
func (w *World) Unread() []Unread {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Unread(nil), w.unread...)
}

// Doubts returns what models have learned from real systems and taken to be
// otherwise by the time when it matters, in words.
func (w *World) Doubts() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(w.models)) {
		if m, ok := w.models[name].(effect.Doubter); ok {
			list = append(list, m.Doubts()...)
		}
	}
	return list
}
