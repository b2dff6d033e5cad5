package app

import (
	"context"
	"os"
	"os/user"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Operator is who types: user@host.
func Operator() string {
	name := User()
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// Answerer is who answers what a run asks: the person that --as names, or the
// user of the operating system. Where the configuration that the run was started
// with, or the one of here, says so, it is the user, and nobody else.
func (a *App) Answerer(ctx context.Context, db *journal.DB, run journal.Run, as string) (string, error) {
	name := User()
	if as == "" || as == name {
		return name, nil
	}
	file, err := a.ownName(ctx, db, run)
	if err != nil {
		return "", err
	}
	if file != "" {
		return "", Usagef("--as %s: %s has everybody answer in their own name (approvals: { as: refuse }); without --as, you answer as %s", as, file, name)
	}
	return as, nil
}

// ownName returns the configuration that has everybody answer in their own name,
// the one that the run was started with or the one of here; "" if none does.
func (a *App) ownName(ctx context.Context, db *journal.DB, run journal.Run) (string, error) {
	pin, err := PinnedBy(ctx, db, run)
	if err != nil {
		return "", err
	}
	if pin != nil && pin.Approvals.OwnName {
		return pin.File, nil
	}
	cfg, err := config.Open(a.Flags.Config, ".")
	if err != nil || !cfg.Approvals.OwnName {
		return "", err
	}
	return cfg.Path, nil
}

// User is the operating system's name of whoever runs this program: of the
// person that sudo was called by, where it has given them another account. People
// who share the account that owns the journal stay apart by that.
func User() string {
	now, err := user.Current()
	if err != nil {
		return "unknown"
	}
	if id := os.Getenv("SUDO_UID"); id != "" && id != now.Uid {
		if by, err := user.LookupId(id); err == nil && by.Username == os.Getenv("SUDO_USER") {
			return by.Username
		}
	}
	return now.Username
}
