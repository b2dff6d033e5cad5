// Package file carries the module secrets: it keeps secrets in files that
// their owner, and at most their group, can read. Package versions says how.
package file

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/versions"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend reads and rotates secrets in files. New returns it; Configure makes
// it ready.
type Backend struct {
	versions.Backend
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{versions.Backend{Name: "file"}} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "file", Module: "secrets", Version: "1.0.0",
		Doc: "Keep secrets in files that only their owner and group can read",
		Ops: stdlib.Carry("secrets", "get", "rotate", "revoke"),
		Config: []effect.Field{{Name: "dir", Type: effect.String, Required: true, Min: effect.Bound(1), Path: effect.IsPath,
			Doc: "the directory: db/password is the file of that name in it, or a directory with a file for each version"}},
	}
}

// Configure implements plugins.Backend.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	dir, _ := config["dir"].(string)
	same := func(value []byte) ([]byte, error) { return value, nil }
	return b.Use(&versions.Store{Dir: dir, Codec: versions.Codec{Encode: same, Decode: same}})
}
