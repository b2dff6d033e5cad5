// Package ssh carries the module hosts: it works on machines over SSH, with
// nothing installed there beside a POSIX shell and the usual tools of Linux.
//
// # How a command runs
//
// One session of a shared connection runs one shell script, which comes by the
// session's standard input, so that neither arguments nor secrets stand in the
// host's list of processes. The script speaks to the backend in lines of its
// standard error that begin with a word drawn at random for the call; see
// script.go.
//
// # How it is known what happened
//
// A command that may change something leaves a record on its host: a directory
// named after the effect's key. A symbolic link there, which the file system
// makes at once or not at all, says that an attempt has begun, another how it
// ended; output is kept beside them. The command does not depend on the
// connection: it goes on when that breaks, and is recorded all the same. Who
// asks later finds it ended, running, broken off, or not begun; then the
// attempt is made void, by the very link that it would have had to make, so
// that it cannot begin any more. See record.go.
package ssh

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

// Backend works on hosts. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
	pool     *pool
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "ssh", Module: "hosts", Version: "1.0.0",
		Doc:    "Work on hosts over SSH, by an inventory of its own or by Ansible's.",
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
	b.settings, b.pool = s, newPool(s)
	return nil
}

// Health implements plugins.Backend: each host can be logged in to.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	var mu sync.Mutex
	var bad []string
	var wg sync.WaitGroup
	turn := make(chan struct{}, 10)
	for name, t := range b.settings.targets {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			if _, e := b.pool.get(ctx, t); e != nil {
				mu.Lock()
				defer mu.Unlock()
				bad = append(bad, name+": "+e.Message+withHint(e))
			}
		})
	}
	wg.Wait()
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return effect.Errorf(effect.CodeUnavailable, "of %d hosts, %d cannot be used:\n%s", len(b.settings.targets), len(bad), strings.Join(bad, "\n"))
}

func withHint(e *effect.Error) string {
	if e.Hint == "" {
		return ""
	}
	return "; " + e.Hint
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if b.settings == nil {
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
	if b.settings == nil {
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
	if b.settings == nil {
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
