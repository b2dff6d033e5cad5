package app

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// dbPath is where the journal is: --db, $RUNBOOK_DB, or the state directory.
func (a *App) dbPath() (string, error) {
	if a.Flags.DB != "" {
		return a.Flags.DB, nil
	}
	if p := os.Getenv("RUNBOOK_DB"); p != "" {
		return p, nil
	}
	return usualDB()
}

// usualDB is where the journal is if nobody says otherwise.
func usualDB() (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" || !filepath.IsAbs(state) { // the specification has relative ones ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", Usagef("no place for the journal: set --db FILE, RUNBOOK_DB or HOME")
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "runbook", "runbook.db"), nil
}

// OpenDB opens the journal, which is made if there is none.
func (a *App) OpenDB(ctx context.Context) (*journal.DB, error) {
	path, err := a.dbPath()
	if err != nil {
		return nil, err
	}
	return journal.Open(ctx, path, journal.Options{})
}

// ReadDB opens the journal for looking only.
func (a *App) ReadDB(ctx context.Context) (*journal.DB, error) {
	return a.ExistingDB(ctx, journal.Options{ReadOnly: true})
}

// ExistingDB opens a journal that has to be there: a command about a run does
// not make one.
func (a *App) ExistingDB(ctx context.Context, o journal.Options) (*journal.DB, error) {
	path, err := a.dbPath()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, Usagef("there is no journal at %s yet: start a run, or name another with --db", path)
	}
	return journal.Open(ctx, path, o)
}

// ReadRun opens the journal for looking only, and finds a run.
func (a *App) ReadRun(ctx context.Context, id string) (*journal.DB, journal.Run, error) {
	return a.found(ctx, id, a.ReadDB)
}

// FindRun opens the journal for writing, and finds a run.
func (a *App) FindRun(ctx context.Context, id string) (*journal.DB, journal.Run, error) {
	return a.found(ctx, id, func(ctx context.Context) (*journal.DB, error) { return a.ExistingDB(ctx, journal.Options{}) })
}

func (a *App) found(ctx context.Context, id string, open func(context.Context) (*journal.DB, error)) (*journal.DB, journal.Run, error) {
	db, err := open(ctx)
	if err != nil {
		return nil, journal.Run{}, err
	}
	run, err := a.Find(ctx, db, id)
	if err != nil {
		return nil, run, errors.Join(err, db.Close())
	}
	return db, run, nil
}

// CloseDB closes it, and says why it could not.
func (a *App) CloseDB(db *journal.DB) {
	if err := db.Close(); err != nil {
		a.Note("runbook: close the journal: %v\n", err)
	}
}

// Catalog holds the modules that are known without starting a plugin.
func (a *App) Catalog(extra ...effect.Module) *effect.Catalog {
	c, err := effect.NewCatalog(append(append(a.Modules(), extra...), effect.Control())...)
	if err != nil {
		c, _ = effect.NewCatalog(effect.Control())
	}
	return c
}

// Desk is an engine for what people decide: it carries nothing out.
func (a *App) Desk(db *journal.DB) *interpreter.Engine {
	return interpreter.New(interpreter.Options{DB: db, Catalog: a.Catalog(), World: idle{}, Clock: interpreter.SystemClock{},
		Random: rand.Reader, Getenv: Getenv, Owner: journal.Self(), Account: Operator(), Secret: Secret, People: config.DecodePeople})
}

// Reader is an engine that walks scripts and carries nothing out. It knows the
// modules that plugins bring, of those that the run's script requires and of
// those in also.
func (a *App) Reader(ctx context.Context, db *journal.DB, run journal.Run, also []string) (*interpreter.Engine, error) {
	engine, _, err := a.ReaderWith(ctx, db, run, also)
	return engine, err
}

// ReaderWith is reader, and returns the catalog that the engine works with.
func (a *App) ReaderWith(ctx context.Context, db *journal.DB, run journal.Run, also []string) (*interpreter.Engine, *effect.Catalog, error) {
	required, err := Requires(ctx, db, run)
	if err != nil {
		return nil, nil, err
	}
	on, err := a.surroundingsOfRun(ctx, db, run)
	if err != nil {
		return nil, nil, err
	}
	extra, err := a.ForeignModules(ctx, on, append(required, also...))
	if err != nil {
		return nil, nil, err
	}
	catalog := a.Catalog(extra...)
	return interpreter.New(interpreter.Options{DB: db, Catalog: catalog, World: idle{}, Clock: interpreter.SystemClock{},
		Random: rand.Reader, Getenv: Getenv, Owner: journal.Self()}), catalog, nil
}

// idle refuses every effect.
type idle struct{}

// Do refuses.
func (idle) Do(_ context.Context, call effect.Call) (effect.Result, error) {
	return effect.Result{}, effect.Errorf(effect.CodeUnsupported, "nothing is carried out here")
}
