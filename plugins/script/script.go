// Package script carries the module deploy by a team's own programs: one
// program for all ops, or one for each, run with the op's name as its first
// argument.
//
// # The convention
//
// A program finds the request as JSON on its standard input and, as far as it
// is not structured, in its environment; see question. It writes one JSON
// object to its standard output, and to standard error whatever people are to
// see. Its exit code says what became of it; see failure. docs/backends/script.md
// tells it to who writes one.
//
// # What is believed
//
// The program status is what recovery rests on, and every write is read back by
// it, or by nodes where it is about a machine: a write that ended well and that does
// not show has an unknown outcome. What has become of a job only its program's end
// tells, or job_status; see job. Unknown is also one that was stopped, that a signal ended, or that ended well
// and wrote something else than an answer. See judge for what status settles.
package script

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
	"github.com/q-ecosystem/runbook/stdlib/deploy"
)

// carried returns the ops that programs are asked for.
func carried() []effect.Op { return deploy.Module().Ops }

// Backend carries deployments out by programs on this machine. New returns it;
// Configure makes it ready.
type Backend struct {
	settings *settings
	notice   program.Notice
	ops      map[string]effect.Op
}

// New returns a backend that is not configured yet.
func New() *Backend {
	b := &Backend{ops: map[string]effect.Op{}}
	for _, op := range carried() {
		b.ops[op.Name] = op
	}
	return b
}

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "script", Module: "deploy", Version: "1.0.0",
		Doc:    "Deploy by the team's own programs.",
		Ops:    carried(),
		Config: fields(),
	}
}

// Configure implements plugins.Backend.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings(config)
	if err != nil {
		return err
	}
	b.settings = s
	return nil
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	c, e := b.call(req)
	if e != nil {
		return nil, e
	}
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "deploy.%s: the call ended before its program was started; nothing ran", req.Op)
	}
	carry := (*call).carryOut
	switch {
	case b.settings.hosts == nil:
	case c.single():
		if c, e = c.alone(); e != nil {
			return nil, e
		}
	default:
		carry = (*call).carryOutOnFleet
	}
	value, e := carry(c, ctx)
	if e != nil {
		return nil, e
	}
	return value, nil
}

// Health implements plugins.Backend: all programs are there, and status answers
// for the configured environment, if there is one.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	for _, op := range slices.Sorted(maps.Keys(b.settings.programs)) {
		if _, e := b.settings.find(op); e != nil {
			return e
		}
	}
	if b.settings.hosts != nil {
		if err := b.reachable(ctx); err != nil {
			return err
		}
	}
	if b.settings.environment == "" && b.settings.region == "" {
		return nil
	}
	_, err := b.Invoke(ctx, plugins.Request{Op: "status", Args: map[string]any{}, Progress: func(string) {}})
	return err
}

// call reads a request.
func (b *Backend) call(req plugins.Request) (*call, *effect.Error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	op, known := b.ops[req.Op]
	if !known {
		return nil, effect.Errorf(effect.CodeUnsupported, "the script backend has no op called %q", req.Op).
			WithHint("it has %s", fmt.Sprint(slices.Sorted(maps.Keys(b.ops))))
	}
	return newCall(b, op, req)
}

func errNotConfigured() *effect.Error {
	return effect.Errorf(effect.CodeInternal, "the script backend is not configured")
}
