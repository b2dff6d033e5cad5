package interpreter_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// points counts the boundaries of a run: before and after every append, inside
// and after every other transaction. At one of them it ends its own process.
type points struct {
	at    int64
	near  string
	how   string
	awake book // a stopped runner goes on when its gate "awake" is open

	appending atomic.Int64 // appends, and looks at the lease, under way

	mu     sync.Mutex
	passed []string
}

// hit passes a point.
func (p *points) hit(name string) {
	p.mu.Lock()
	p.passed = append(p.passed, name)
	mine := int64(len(p.passed)) == p.at
	if p.near != "" && strings.HasPrefix(name, p.near) {
		mine, p.near = true, ""
	}
	p.mu.Unlock()
	if !mine {
		return
	}
	switch p.how {
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		// Some threads run on for an instant after the signal was sent.
		_ = p.awake.await(context.Background(), "awake")
		return
	}
	select {}
}

func (p *points) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed
}

// now is the journal's clock, which it reads inside its transactions.
func (p *points) now(t time.Time) time.Time {
	if p.appending.Load() == 0 {
		p.hit("inside a transaction")
	}
	return t
}

func (p *points) wrap(j interpreter.Journal) interpreter.Journal { return tripwire{j, p} }

// Recorded is told of status changes once they are on disk.
func (p *points) Recorded(ev effect.Event) {
	if ev.Kind == effect.StatusChanged || ev.Kind == effect.RollbackStarted {
		p.hit("after " + string(ev.Kind) + " " + string(ev.Body.Status))
	}
}

func (*points) Started(effect.Call)          {}
func (*points) Progress(effect.Call, string) {}

// tripwire has a point before and after every append.
type tripwire struct {
	journal interpreter.Journal
	points  *points
}

// Append appends.
func (w tripwire) Append(ctx context.Context, events ...effect.Event) ([]effect.Event, error) {
	last := events[len(events)-1]
	name := string(last.Kind) + " " + last.Place + " " + last.Body.Op
	w.points.hit("before " + name)
	w.points.appending.Add(1)
	written, err := w.journal.Append(ctx, events...)
	w.points.appending.Add(-1)
	w.points.hit("after " + name)
	return written, err
}

// Until asks the lease.
func (w tripwire) Until() time.Time {
	w.points.appending.Add(1)
	defer w.points.appending.Add(-1)
	return w.journal.Until()
}
