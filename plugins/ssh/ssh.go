// Package ssh carries the module hosts: it works on machines over SSH, with
// nothing installed there beside a POSIX shell and the usual tools of Linux.
// What becomes of a command, and how that is known, is the matter of
// plugins/internal/remote.
package ssh

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

// Backend works on hosts. New returns it; Configure makes it ready.
type Backend struct {
	hosts *remote.Hosts // nil before Configure
	dir   string        // where relative paths of files to be copied begin; absolute
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "ssh", Module: "hosts", Version: "1.0.0",
		Doc: "Work on hosts over SSH, by an inventory of its own or by Ansible's.",
		Ops: contract.Module().Ops,
		Config: append([]effect.Field{{Name: "dir", Type: effect.String, Path: effect.IsPath,
			Doc: "where relative paths of files to be copied begin; the run's directory if left out"}}, remote.Fields()...),
	}
}

// Configure implements plugins.Backend.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	dir, _ := config["dir"].(string)
	var err error
	if b.dir, err = filepath.Abs(dir); err != nil {
		return effect.Errorf(effect.CodeInvalid, "configure ssh: dir: %v", err)
	}
	b.hosts, err = remote.Open(config)
	return err
}

// Health implements plugins.Backend: each host can be logged in to.
func (b *Backend) Health(ctx context.Context) error {
	if b.hosts == nil {
		return errNotConfigured()
	}
	all, e := b.hosts.Choose([]string{"all"})
	if e != nil {
		return e
	}
	return b.hosts.Health(ctx, all)
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if b.hosts == nil {
		return nil, errNotConfigured()
	}
	j, e := b.job(req)
	if e != nil {
		return nil, e
	}
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "the call ended before anything was sent to a host")
	}
	var value map[string]any
	switch req.Op {
	case "list":
		return j.list(), nil
	case "run":
		value, e = j.run(ctx)
	case "copy":
		value, e = j.copy(ctx)
	case "read":
		value, e = j.read(ctx)
	case "service":
		value, e = j.service(ctx)
	}
	if e != nil {
		return nil, e
	}
	return value, nil
}

// Observe implements plugins.Observer.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	if b.hosts == nil {
		return plugins.Observation{}, errNotConfigured()
	}
	j, e := b.job(req)
	if e != nil {
		return plugins.Observation{}, e
	}
	switch req.Op {
	case "run":
		return j.observeRun(ctx)
	case "copy":
		return j.observeCopy(ctx)
	case "service":
		return j.observeService(ctx)
	}
	return plugins.Observation{State: effect.Uncertain}, nil
}

// Preview implements plugins.Previewer: it says where what would be done.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	if b.hosts == nil {
		return effect.Prediction{}, errNotConfigured()
	}
	j, e := b.job(req)
	if e != nil {
		return effect.Prediction{}, e
	}
	return effect.Prediction{Target: "hosts " + strings.Join(j.names(), ", "), To: j.what()}, nil
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the ssh backend is not configured")
}
