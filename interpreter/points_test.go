package interpreter_test

import (
	"context"
	"os"
	"slices"
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

	ask   func() // asks for a rollback
	askAt int

	appending atomic.Int64 // appends, and looks at the lease, under way

	mu     sync.Mutex
	passed []string
}

// hit passes a point, which may have several names.
func (p *points) hit(names ...string) {
	p.mu.Lock()
	name := strings.Join(names, "; ")
	p.passed = append(p.passed, name)
	var ask func()
	if p.ask != nil && len(p.passed) >= p.askAt && name != insideATransaction {
		ask, p.ask = p.ask, nil
	}
	mine := int64(len(p.passed)) == p.at
	if p.near != "" && named(name, p.near) {
		mine, p.near = true, ""
	}
	p.mu.Unlock()
	if ask != nil {
		ask()
	}
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

// insideATransaction names the points at which nobody else can write.
const insideATransaction = "inside a transaction"

// named reports whether one of a point's names begins with prefix.
func named(point, prefix string) bool {
	return slices.ContainsFunc(strings.Split(point, "; "), func(name string) bool { return strings.HasPrefix(name, prefix) })
}

func (p *points) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed
}

// now is the journal's clock, which it reads inside its transactions.
func (p *points) now(t time.Time) time.Time {
	if p.appending.Load() == 0 {
		p.hit(insideATransaction)
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
	var before, after []string
	for _, ev := range events {
		name := string(ev.Kind) + " " + string(ev.Place) + " " + ev.Body.Op
		before, after = append(before, "before "+name), append(after, "after "+name)
	}
	w.points.hit(before...)
	w.points.appending.Add(1)
	written, err := w.journal.Append(ctx, events...)
	w.points.appending.Add(-1)
	w.points.hit(after...)
	return written, err
}

// Until asks the lease.
func (w tripwire) Until() time.Time {
	w.points.appending.Add(1)
	defer w.points.appending.Add(-1)
	return w.journal.Until()
}
