package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// Call is one call under way.
type Call struct {
	Ctx      context.Context
	Args     map[string]any
	Key      string
	Began    time.Time
	Progress *Progress
}

// NewCall returns a call that begins now, bounded by its argument timeout. The
// caller ends it by cancel.
func NewCall(ctx context.Context, req plugins.Request) (c *Call, cancel context.CancelFunc) {
	cancel = func() {}
	if s, ok := req.Args["timeout"].(float64); ok && s > 0 {
		ctx, cancel = context.WithTimeout(ctx, effect.Seconds(s))
	}
	return &Call{Ctx: ctx, Args: req.Args, Key: req.Key, Began: time.Now(), Progress: NewProgress(req.Progress)}, cancel
}

// Quiet returns a call without arguments that shows nobody how far it is.
func Quiet(ctx context.Context) *Call {
	c, _ := NewCall(ctx, plugins.Request{Progress: func(string) {}})
	return c
}

// Text returns an argument; "" for one that is not given, or is no text.
func (c *Call) Text(name string) string {
	s, _ := c.Args[name].(string)
	return s
}

// ID is the effect's key in a form that names files.
func (c *Call) ID() string {
	sum := sha256.Sum256([]byte(c.Key))
	return hex.EncodeToString(sum[:8])
}

// Ended returns the error of a call whose time is up and that changed nothing.
func (c *Call) Ended(what string) *effect.Error {
	took := effect.FormatDuration(time.Since(c.Began).Round(time.Millisecond))
	if c.Ctx.Err() == context.Canceled {
		return effect.Errorf(effect.CodeTimeout, "%s was canceled after %s; nothing changed", what, took)
	}
	return effect.Errorf(effect.CodeTimeout, "%s took longer than %s; nothing changed", what, took).WithHint("give it longer: timeout")
}
