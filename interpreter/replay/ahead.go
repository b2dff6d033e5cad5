package replay

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// How much is decoded at once. In memory a value may take fifty times as many
// bytes as in the journal: larger ones are left to the call that wants them.
const (
	batchLen   = 64
	batchBytes = 64 << 10
)

// ahead decodes recorded outcomes beside the script, which is busy with those
// before.
type ahead struct {
	order []*history.Effect // that are in no batch yet
	this  *batch            // the script is in it; nil before it has taken one
	next  *batch
	taken int // of this
}

// batch is some outcomes in their order.
type batch struct {
	effects []*history.Effect
	answers []answer      // as many
	done    chan struct{} // closed when they are decoded
}

// answer is what Do returns.
type answer struct {
	result effect.Result
	err    error
}

func newAhead(order []*history.Effect) ahead { return ahead{order: order} }

// advance begins another batch.
func (a *ahead) advance() {
	n := 0
	for size := 0; n < min(len(a.order), batchLen); n++ {
		if size += len(a.order[n].Value); size > batchBytes && n > 0 {
			break
		}
	}
	b := &batch{effects: a.order[:n], answers: make([]answer, n), done: make(chan struct{})}
	if n > 0 {
		go b.decode()
	}
	a.order, a.this, a.next, a.taken = a.order[n:], a.next, b, 0
}

// take returns the batch of the next outcome, of which there has to be one, and
// its place in it.
func (a *ahead) take() (*batch, int) {
	if a.this == nil {
		a.advance() // to the first, and beside it
		a.advance()
	}
	if a.taken == len(a.this.effects) {
		a.advance()
	}
	a.taken++
	return a.this, a.taken - 1
}

// skip leaves out the next n outcomes.
func (a *ahead) skip(n int) {
	for ; n > 0 && a.this != nil; n-- {
		a.take()
	}
	a.order = a.order[min(n, len(a.order)):]
}

func (b *batch) decode() {
	defer close(b.done)
	for i, rec := range b.effects {
		if len(rec.Value) <= batchBytes {
			b.answers[i].result, b.answers[i].err = outcome(rec.Value, rec.Err)
		}
	}
}

func (b *batch) answer(i int) (effect.Result, error) {
	if rec := b.effects[i]; len(rec.Value) > batchBytes {
		return outcome(rec.Value, rec.Err)
	}
	<-b.done
	a := b.answers[i]
	b.answers[i] = answer{} // the batch lives longer
	return a.result, a.err
}
