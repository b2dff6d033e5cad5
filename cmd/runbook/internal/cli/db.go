package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/stdlib"
)

// dbPath is where the journal is: --db, $RUNBOOK_DB, or the state directory.
func (a *app) dbPath() (string, error) {
	if a.flags.db != "" {
		return a.flags.db, nil
	}
	if p := os.Getenv("RUNBOOK_DB"); p != "" {
		return p, nil
	}
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" || !filepath.IsAbs(state) { // the specification has relative ones ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", errors.New("no place for the journal: set --db FILE, RUNBOOK_DB or HOME")
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "runbook", "runbook.db"), nil
}

func (a *app) openDB(ctx context.Context) (*journal.DB, error) {
	path, err := a.dbPath()
	if err != nil {
		return nil, err
	}
	return journal.Open(ctx, path, journal.Options{})
}

// readDB opens the journal for looking only.
func (a *app) readDB(ctx context.Context) (*journal.DB, error) {
	return a.existingDB(ctx, journal.Options{ReadOnly: true})
}

// existingDB opens a journal that has to be there: a command about a run does
// not make one.
func (a *app) existingDB(ctx context.Context, o journal.Options) (*journal.DB, error) {
	path, err := a.dbPath()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("there is no journal at " + path + " yet: start a run, or name another with --db")
	}
	return journal.Open(ctx, path, o)
}

func (a *app) readRun(ctx context.Context, id string) (*journal.DB, journal.Run, error) {
	return found(ctx, id, a.readDB)
}

func (a *app) findRun(ctx context.Context, id string) (*journal.DB, journal.Run, error) {
	return found(ctx, id, func(ctx context.Context) (*journal.DB, error) { return a.existingDB(ctx, journal.Options{}) })
}

func found(ctx context.Context, id string, open func(context.Context) (*journal.DB, error)) (*journal.DB, journal.Run, error) {
	db, err := open(ctx)
	if err != nil {
		return nil, journal.Run{}, err
	}
	run, err := db.Find(ctx, id)
	if err != nil {
		return nil, run, errors.Join(err, db.Close())
	}
	return db, run, nil
}

func (a *app) closeDB(db *journal.DB) {
	if err := db.Close(); err != nil {
		a.note("runbook: close the journal: %v\n", err)
	}
}

// catalog holds the modules that are known without starting a plugin.
func (a *app) catalog(extra ...effect.Module) *effect.Catalog {
	c, err := effect.NewCatalog(append(append(stdlib.Modules(), extra...), effect.Control())...)
	if err != nil {
		c, _ = effect.NewCatalog(effect.Control())
	}
	return c
}

// desk is an engine for what people decide: it carries nothing out.
func (a *app) desk(db *journal.DB) *interpreter.Engine {
	return interpreter.New(interpreter.Options{DB: db, Catalog: a.catalog(), World: idle{}, Clock: interpreter.SystemClock{},
		Random: rand.Reader, Getenv: os.LookupEnv, Owner: journal.Self(), Secret: secret})
}

// reader is an engine that walks scripts and carries nothing out. It knows the
// modules that plugins bring, of those that the run's script requires and of
// those in also.
func (a *app) reader(ctx context.Context, db *journal.DB, run journal.Run, also []string) (*interpreter.Engine, error) {
	engine, _, err := a.readerWith(ctx, db, run, also)
	return engine, err
}

// readerWith is reader, and returns the catalog that the engine works with.
func (a *app) readerWith(ctx context.Context, db *journal.DB, run journal.Run, also []string) (*interpreter.Engine, *effect.Catalog, error) {
	required, err := requires(ctx, db, run)
	if err != nil {
		return nil, nil, err
	}
	extra, err := a.foreignModules(ctx, run.Env, append(required, also...))
	if err != nil {
		return nil, nil, err
	}
	catalog := a.catalog(extra...)
	return interpreter.New(interpreter.Options{DB: db, Catalog: catalog, World: idle{}, Clock: interpreter.SystemClock{},
		Random: rand.Reader, Getenv: os.LookupEnv, Owner: journal.Self()}), catalog, nil
}

// idle refuses every effect.
type idle struct{}

// Do refuses.
func (idle) Do(_ context.Context, call effect.Call) (effect.Result, error) {
	return effect.Result{}, effect.Errorf(effect.CodeUnsupported, "nothing is carried out here")
}

// untilInterrupted ends a context at Ctrl-C.
func (a *app) untilInterrupted(ctx context.Context) (context.Context, func()) {
	return signal.NotifyContext(ctx, os.Interrupt)
}
