package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/audit"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Exported says what an export of the record holds.
type Exported struct {
	Runs, Events int
	Signed       bool
}

// ExactOut is standard output as it is: for what programs read.
func (a *App) ExactOut() io.Writer { return a.exact }

// ExportAudit writes the events of a window, signed where the configuration names
// a key.
func (a *App) ExportAudit(ctx context.Context, db *journal.DB, w journal.Window, out io.Writer, now time.Time) (Exported, error) {
	key, err := a.auditKey()
	if err != nil {
		return Exported{}, err
	}
	x, err := audit.NewWriter(out, Version(), now, w.From, w.To)
	if err != nil {
		return Exported{}, err
	}
	if err := db.Export(ctx, w, x); err != nil {
		return Exported{}, err
	}
	if err := x.Close(key); err != nil {
		return Exported{}, fmt.Errorf("write the export: %w", err)
	}
	return Exported{x.Runs, x.Events, key != nil}, nil
}

// ExportAuditTo is ExportAudit into a new file, which is on disk then.
func (a *App) ExportAuditTo(ctx context.Context, db *journal.DB, w journal.Window, path string, now time.Time) (done Exported, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return done, Usagef("%s is there already, and an export takes no other file's place: name another", path)
	}
	if err != nil {
		return done, fmt.Errorf("write the export: %w", err)
	}
	done, err = a.ExportAudit(ctx, db, w, f, now)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return done, errors.Join(err, os.Remove(path))
	}
	return done, nil
}

// auditKey is the key that signs exports; nil if the configuration names none.
func (a *App) auditKey() (ed25519.PrivateKey, error) {
	cfg, err := config.Open(a.Flags.Config, ".")
	if err != nil || cfg.AuditKey == "" {
		return nil, err
	}
	secret, err := cfg.SigningKey()
	if err != nil {
		return nil, err
	}
	key, err := audit.ParsePrivate(secret.Reveal() + "\n")
	if err != nil {
		return nil, fmt.Errorf("%s: audit: key: %w", cfg.Path, err)
	}
	return key, nil
}
