package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// job is one call under way.
type job struct {
	*database
	ctx      context.Context
	args     map[string]any
	key      string
	began    time.Time
	progress *shared.Progress
}

func newJob(ctx context.Context, db *database) *job {
	return &job{database: db, ctx: ctx, began: time.Now(), progress: shared.NewProgress(func(string) {})}
}

func (b *Backend) job(ctx context.Context, req plugins.Request) (*job, context.CancelFunc, *effect.Error) {
	if b.settings == nil {
		return nil, nil, errNotConfigured()
	}
	db, e := b.settings.Pick("postgres", text(req.Args, "db"))
	if e != nil {
		return nil, nil, e
	}
	cancel := func() {}
	if s, ok := req.Args["timeout"].(float64); ok && s > 0 {
		ctx, cancel = context.WithTimeout(ctx, effect.Seconds(s))
	}
	j := newJob(ctx, db)
	j.args, j.key, j.progress = req.Args, req.Key, shared.NewProgress(req.Progress)
	return j, cancel, nil
}

func (j *job) text(name string) string { return text(j.args, name) }

// id is the effect's key in a form that names files.
func (j *job) id() string {
	sum := sha256.Sum256([]byte(j.key))
	return hex.EncodeToString(sum[:8])
}

// ended returns the error of a call whose time is up and that changed nothing.
func (j *job) ended(what string) *effect.Error {
	took := effect.FormatDuration(time.Since(j.began).Round(time.Millisecond))
	if j.ctx.Err() == context.Canceled {
		return effect.Errorf(effect.CodeTimeout, "%s was canceled after %s; nothing changed", what, took)
	}
	return effect.Errorf(effect.CodeTimeout, "%s took longer than %s; nothing changed", what, took).WithHint("give it longer: timeout")
}

// pause waits before the next look at what goes on by itself; false says that
// the call's time is up.
func (j *job) pause() bool {
	select {
	case <-time.After(50 * time.Millisecond):
		return true
	case <-j.ctx.Done():
		return false
	}
}

// seconds returns a moment as scripts see it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }
