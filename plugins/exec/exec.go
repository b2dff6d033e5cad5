// Package exec carries the module exec: it runs the programs and scripts that
// a team already has.
//
// # What a program gets
//
// A process group of its own, an environment in which every variable was
// named by somebody (PATH, HOME and LANG, the configuration, the call), and
// one pipe for standard output and error, so that lines stay in the order in
// which they were written. Its lines are shown as they come; the last 64 KiB
// are kept. Values of secrets are replaced in both, by name.
//
// # How it ends
//
// The call returns when the program itself exits. Children that it left
// behind are left alone: starting a daemon is a thing that scripts do. When
// time is up or the call is canceled, the whole group gets SIGTERM, after the
// grace period SIGKILL, and the call returns once the group is gone. A program
// that was stopped like this and may change something has an unknown outcome:
// nobody knows how far it came. If the plugin itself is killed, a guard process
// kills the group, and again the outcome is unknown.
//
// A child that makes a session of its own (setsid) leaves the group and is
// out of reach.
package exec

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend runs programs on this machine. New returns it; Configure makes it
// ready.
type Backend struct {
	settings *settings
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	text := func(secret bool) *effect.Field { return &effect.Field{Type: effect.String, Secret: secret} }
	return plugins.Description{
		Name: "exec", Module: "exec", Version: "1.0.0",
		Doc: "Run programs on the machine of the runner.",
		Ops: stdlib.Exec().Ops,
		Config: []effect.Field{
			{Name: "path", Type: effect.String, Doc: "the value of PATH; the plugin's own if left out"},
			{Name: "env", Type: effect.Map, Elem: text(false), Doc: "variables for every program"},
			{Name: "secrets", Type: effect.Map, Elem: text(true), Doc: "variables for every program whose values are never shown"},
			{Name: "dir", Type: effect.String, Doc: "where programs run, and where relative paths begin; the plugin's directory if left out"},
			{Name: "allow", Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
				Doc: `programs that may run, as paths, patterns ("/opt/deploy/*.sh") or names in PATH; any if empty`},
			{Name: "grace", Type: effect.Duration, Default: "5s",
				Doc: "how long a program may take to end after SIGTERM, before SIGKILL"},
		},
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
	r, err := c.run(ctx, req.Progress)
	if err != nil {
		return nil, err
	}
	return r.value(c)
}

// Preview implements plugins.Previewer: it says what would run, and refuses
// what would be refused. It starts nothing.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Change, error) {
	c, err := b.command(req)
	if err != nil {
		return effect.Change{}, err
	}
	return effect.Change{Target: "program " + c.path, To: "run " + c.String() + " in " + c.dir}, nil
}

// Health implements plugins.Backend: the directory of the programs is there.
func (b *Backend) Health(context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	return checkDir(b.settings.dir)
}

// command reads a request and finds its program.
func (b *Backend) command(req plugins.Request) (*command, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	if req.Op != "run" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the exec backend has no op called %q", req.Op).WithHint("it has run")
	}
	return newCommand(b.settings, req.Args)
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the exec backend is not configured")
}

// checkDir reports whether programs can run in a directory.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return effect.Errorf(effect.CodeNotFound, "the directory %s does not exist", dir).
			WithHint("create it, or mend `dir` in the call or in the configuration")
	case err != nil:
		return effect.Errorf(effect.CodeRefused, "the directory %s cannot be used: %v", dir, err)
	case !info.IsDir():
		return effect.Errorf(effect.CodeNotFound, "%s is no directory", dir).WithHint("mend `dir` in the call or in the configuration")
	}
	return nil
}

// within joins a path to the directory where relative paths begin.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
