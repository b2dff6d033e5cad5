// Package exec carries the module exec: it runs the programs and scripts that
// a team already has.
//
// # What a program gets
//
// A process group of its own, and an environment in which every variable was
// named by somebody: the list in package program, the configuration, the call,
// and RUNBOOK_KEY, RUNBOOK_RUN and RUNBOOK_ATTEMPT, by which a program can tell
// that it is asked for the same thing once more. Standard output and error are
// pipes of their own and still read in the order in which they were written.
// Their lines are shown as they come; the last 64 KiB of each are kept. Values
// of secrets are replaced in both, by name.
//
// # How it ends
//
// The call returns when the program itself exits. Children that it left
// behind are left alone: starting a daemon is a thing that scripts do. When
// time is up or the call is canceled, everything that the program has started
// gets SIGTERM, after the grace period SIGKILL, and the call returns once all
// of it is gone, be it in a session of its own. So it is when the plugin
// itself is killed: each program runs below a supervisor, a process that
// outlives the plugin by as long as that takes.
//
// A program that was stopped, or that a signal ended, and that may have changed
// something has an unknown outcome: nobody knows how far it came.
//
// # What may run
//
// Anything, unless the configuration says otherwise by allow; see allowList.
package exec

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
	contract "github.com/q-ecosystem/runbook/stdlib/exec"
)

// Backend runs programs on this machine. New returns it; Configure makes it
// ready.
type Backend struct {
	settings *settings
	notice   program.Notice
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "exec", Module: "exec", Version: "1.0.0",
		Doc:    "Run programs on the machine of the runner.",
		Ops:    contract.Module().Ops,
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
	c, err := b.command(req)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "%s: the call ended before the program was started; nothing ran", c)
	}
	b.notice.Withheld(b.settings.vars, c.Vars, "add pass = { %q } to exec.run, or to exec in the configuration (withhold there keeps this quiet)")
	r, err := c.run(ctx, req.Progress)
	if err != nil {
		return nil, err
	}
	return r.value(c)
}

// Preview implements plugins.Previewer: it says what would run, and refuses
// what would be refused. It starts nothing.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	c, err := b.command(req)
	if err != nil {
		return effect.Prediction{}, err
	}
	return effect.Prediction{Target: "program " + c.Path, To: "run " + c.String() + " in " + c.Dir}, nil
}

// Health implements plugins.Backend: the directory of the programs is there.
func (b *Backend) Health(context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	return program.CheckDir(b.settings.dir)
}

// command reads a request and finds its program.
func (b *Backend) command(req plugins.Request) (*command, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	if req.Op != "run" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the exec backend has no op called %q", req.Op).WithHint("it has run")
	}
	return newCommand(b.settings, req)
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the exec backend is not configured")
}
