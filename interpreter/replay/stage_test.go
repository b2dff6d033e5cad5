package replay_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// stage runs a tree of nodes as the script's host does: one branch at a time
// computes, and branches go on in the order in which their effects settle.
type stage struct {
	handler effect.Handler
	ctx     context.Context

	mu      sync.Mutex
	busy    bool
	started []*line
	settled []*line

	// What follows belongs to the branch that has the turn.
	shared uint32
	trace  []string // what the script saw, in the order in which it did

	stopMu sync.Mutex
	stop   *effect.Stop
	cancel context.CancelFunc
	group  sync.WaitGroup
}

type line struct{ turn chan struct{} }

// perform walks the script and returns what it saw, and the stop that ended
// it, if one did.
func perform(ctx context.Context, handler effect.Handler, script []node) ([]string, *effect.Stop) {
	st := &stage{handler: handler}
	st.ctx, st.cancel = context.WithCancel(ctx)
	defer st.cancel()
	st.busy = true
	st.run(&line{make(chan struct{}, 1)}, "", script)
	st.group.Wait()
	return st.trace, st.stop
}

// next passes the turn on; mu is held.
func (st *stage) next() {
	st.busy = false
	for _, q := range []*[]*line{&st.started, &st.settled} {
		if len(*q) > 0 {
			s := (*q)[0]
			*q = (*q)[1:]
			st.busy = true
			s.turn <- struct{}{}
			return
		}
	}
}

func (st *stage) enqueue(q *[]*line, s *line) {
	st.mu.Lock()
	defer st.mu.Unlock()
	*q = append(*q, s)
	if !st.busy {
		st.next()
	}
}

func (st *stage) leave() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.next()
}

// run carries out the nodes of one line, which has the turn and keeps it. It
// reports false, without the turn, when the script was stopped.
func (st *stage) run(s *line, prefix effect.Place, nodes []node) bool {
	effects, marks := 0, 0
	for _, n := range nodes {
		o := op(n.op)
		call := effect.Call{Op: o, Class: o.Class, Recovery: o.Recovery, Where: effect.Position{File: "tree", Line: effects + 1}}
		if n.shared {
			call.Args = map[string]any{"shared": float64(st.shared)}
		}
		if n.op == effect.OpSleep { // one that is over at once leaves nothing that would have to be on disk first
			call.Args = maps.Clone(call.Args)
			if call.Args == nil {
				call.Args = map[string]any{}
			}
			call.Args["duration"] = 1.0
		}
		if o.Class == effect.Mark && n.branches == nil {
			marks++
			call.Place = prefix.Mark(marks)
		} else {
			effects++
			call.Place = prefix.Effect(effects)
		}
		ok := false
		switch {
		case n.branches != nil:
			ok = st.fork(s, call, n.branches)
		case o.Class == effect.Mark, o.Class == effect.Value:
			res, err := st.handler.Do(st.ctx, call)
			ok = st.saw(call, res, err)
		default:
			ok = st.send(s, call)
		}
		if !ok {
			return false
		}
	}
	return true
}

// send performs an effect without the turn and takes it again in the order of
// outcomes.
func (st *stage) send(s *line, call effect.Call) bool {
	call.Settled = func() { st.enqueue(&st.settled, s) }
	st.leave()
	res, err := st.handler.Do(st.ctx, call)
	if stop := effect.AsStop(err); stop != nil {
		return st.saw(call, res, err)
	}
	select {
	case <-s.turn:
		return st.saw(call, res, err)
	case <-st.ctx.Done():
		return false
	}
}

func (st *stage) saw(call effect.Call, res effect.Result, err error) bool {
	if stop := effect.AsStop(err); stop != nil {
		st.stopMu.Lock()
		defer st.stopMu.Unlock()
		if st.stop == nil {
			st.stop = stop
		}
		st.cancel()
		return false
	}
	line := fmt.Sprint(call.Place, " ", call.Op, " ", call.Args, " ", res.Value, " ", err)
	st.trace = append(st.trace, line)
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, st.shared, line)
	st.shared = h.Sum32()
	return true
}

func (st *stage) fork(parent *line, call effect.Call, branches [][]node) bool {
	names := make([]any, len(branches))
	for i := range branches {
		names[i] = string(call.Place.Branch(string(rune('a' + i))))
	}
	call.Args = map[string]any{"branches": names}
	if _, err := st.handler.Do(st.ctx, call); err != nil {
		return st.saw(call, effect.Result{}, err)
	}
	left := len(branches)
	for i, nodes := range branches {
		child := &line{make(chan struct{}, 1)}
		st.mu.Lock()
		st.started = append(st.started, child)
		st.mu.Unlock()
		st.group.Go(func() {
			select {
			case <-child.turn:
			case <-st.ctx.Done():
				return
			}
			place := effect.Place(names[i].(string))
			if !st.run(child, place, nodes) {
				return
			}
			o := op(effect.OpBranchLeft)
			end := effect.Call{Place: place, Op: o, Class: o.Class, Args: map[string]any{"name": names[i]}}
			if res, err := st.handler.Do(st.ctx, end); !st.saw(end, res, err) {
				return
			}
			if left--; left == 0 { // under the turn
				st.mu.Lock()
				st.started = append(st.started, parent)
				st.mu.Unlock()
			}
			st.leave()
		})
	}
	st.leave()
	select {
	case <-parent.turn:
		return true
	case <-st.ctx.Done():
		return false
	}
}
