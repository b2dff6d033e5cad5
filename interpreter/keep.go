package interpreter

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

const (
	heartbeat = journal.LeaseTTL / 5
	newsEvery = 200 * time.Millisecond
)

// keeper keeps a walk's lease while it is under way, and brings it what others
// post: answers, a cancellation, the wish for a rollback.
type keeper struct {
	walk *walk
	done chan struct{}
	wg   sync.WaitGroup

	mu       sync.Mutex
	soft     context.Context // ends when no new effect may start
	cancel   context.CancelCauseFunc
	hard     context.Context // ends when writes under way have to end as well
	kill     context.CancelCauseFunc
	final    *effect.Stop // a cause that holds for the rollback as well
	rollback bool
}

// keep starts the keeper of a walk. Stopping ends the soft context only; ctx
// ends everything.
func keep(ctx context.Context, k *walk) *keeper {
	p := &keeper{walk: k, done: make(chan struct{})}
	p.hard, p.kill = context.WithCancelCause(ctx)
	p.soft, p.cancel = context.WithCancelCause(p.hard)
	if k.sim != nil {
		return p // nobody else writes to a simulation
	}
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		p.loop()
	}()
	return p
}

func (p *keeper) close() {
	close(p.done)
	p.wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancel(nil)
	p.kill(nil)
}

// context returns the soft context: that of the main chunk, then that of the
// rollback.
func (p *keeper) context() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.soft
}

// stop ends the soft context.
func (p *keeper) stop(s *effect.Stop) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Cause == effect.RollingBack {
		p.rollback = true
	} else if p.final == nil {
		p.final = s
	}
	p.cancel(s)
}

func (p *keeper) rollbackAsked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rollback
}

// rollbackBegun gives the rollback a soft context of its own.
func (p *keeper) rollbackBegun() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rollback = false
	p.cancel(nil)
	p.soft, p.cancel = context.WithCancelCause(p.hard)
	if p.final != nil {
		p.cancel(p.final)
	}
}

func (p *keeper) loop() {
	beat, news := time.NewTicker(heartbeat), time.NewTicker(newsEvery)
	defer beat.Stop()
	defer news.Stop()
	stopping := p.walk.opts.Stopping
	for {
		select {
		case <-p.done:
			return
		case <-stopping:
			stopping = nil
			p.stop(&effect.Stop{Cause: effect.Interrupted})
		case <-beat.C:
			if p.renew() {
				beat.Reset(newsEvery)
			}
		case <-news.C:
			p.read()
		}
	}
}

// renew extends the lease, and reports whether it is lost. Any other fault
// shows at the next append, or ends the lease.
func (p *keeper) renew() (lost bool) {
	var fenced *journal.FencedError
	err := p.walk.writer.Renew(p.hard)
	if !errors.As(err, &fenced) {
		return false
	}
	s := &effect.Stop{Cause: effect.Fenced, Err: err}
	p.stop(s)
	if fenced.Now != fenced.Epoch {
		// Another runner asks by now what became of the writes that are under
		// way: none of them may be applied behind its back.
		p.kill(s)
	}
	return true
}

// latest takes what others had posted by now: whoever is about to post in this
// instant does so with a later time.
func (p *keeper) latest() {
	if p.walk.sim != nil {
		return
	}
	p.renew() // a write, for which others have to be done with theirs
	p.read()
}

// read takes what others posted since the last time.
func (p *keeper) read() {
	events, err := p.walk.writer.News(p.hard)
	if err != nil {
		return // the next append meets the same fault and says so
	}
	var past int64 // what was posted while the run was taken up comes twice
	if n := len(p.walk.history); n > 0 {
		past = p.walk.history[n-1].Seq
	}
	for _, ev := range events {
		if ev.Seq <= past {
			continue
		}
		p.walk.opts.Watch.Recorded(ev)
		switch ev.Kind {
		case effect.QuestionAnswered:
			p.walk.control.answered(ev)
		case effect.CancelRequested:
			p.stop(canceled(ev))
		case effect.RollbackRequested:
			p.stop(&effect.Stop{Cause: effect.RollingBack})
		}
	}
}
