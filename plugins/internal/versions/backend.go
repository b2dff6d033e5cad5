package versions

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// Backend carries the module secrets by a Store. Who embeds it describes and
// configures itself, and says then which Store it is to Use.
type Backend struct {
	Name  string
	store *Store
}

// Use makes the backend ready if the store's directory can be used.
func (b *Backend) Use(s *Store) error {
	if err := s.Check(); err != nil {
		return err
	}
	b.store = s
	return nil
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if b.store == nil {
		return nil, b.notConfigured()
	}
	return b.store.Invoke(ctx, req)
}

// Observe implements plugins.Observer: it looks whether the version is there.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	if b.store == nil {
		return plugins.Observation{}, b.notConfigured()
	}
	return b.store.Observe(ctx, req)
}

// Health implements plugins.Backend: the directory is there, and safe.
func (b *Backend) Health(context.Context) error {
	if b.store == nil {
		return b.notConfigured()
	}
	return b.store.Check()
}

func (b *Backend) notConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the %s backend is not configured", b.Name)
}
