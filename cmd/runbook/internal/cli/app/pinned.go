package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// PinOf returns what a run keeps of its surroundings: those of here, with the
// backends that were found for it.
func PinOf(on *Surroundings, specs []host.Spec) (*config.Pin, error) {
	dir := on.dir
	if dir == "" {
		var err error
		if dir, err = calledIn(); err != nil {
			return nil, Usagef("the folder that this was called in is gone, and the run has to keep it: %s; go to a folder that is there (cd)", because(err))
		}
	}
	search := on.search
	if search == "" {
		search = os.Getenv("PATH")
	}
	var modules []string
	found := map[config.Carrier]config.Found{}
	for _, spec := range specs {
		modules = append(modules, spec.Module)
		f := config.Found{Given: spec.Ops}
		if !spec.Builtin {
			path, err := filepath.Abs(spec.Path)
			if err != nil {
				return nil, err
			}
			f.Path, f.SHA256 = path, spec.SHA256
		}
		found[config.Carrier{Module: spec.Module, Backend: spec.Name}] = f
	}
	pin := on.Env.Pin(modules, found, dir, search, Version())
	pin.Executable = Executable()
	return pin, nil
}

// PinnedBy returns what a run has pinned of its surroundings; nil for a run of
// a program that pinned nothing.
func PinnedBy(ctx context.Context, db *journal.DB, run journal.Run) (*config.Pin, error) {
	sources, err := db.Sources(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	text := interpreter.PinnedEnvironment(sources)
	if text == nil {
		return nil, nil
	}
	pin, err := config.DecodePin(text)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", run.ID, err)
	}
	return pin, nil
}

// surroundingsIn are those that a run has pinned.
func surroundingsIn(pin *config.Pin) *Surroundings {
	env, found := pin.Restore()
	return &Surroundings{Env: env, found: found, dir: pin.Dir, search: pin.Search}
}

// hereFor are the surroundings of here for a run that has pinned none.
func (a *App) hereFor(run journal.Run) (*Surroundings, error) {
	cfg, err := config.Open(a.Flags.Config, ".")
	if err != nil {
		return nil, err
	}
	name := a.Flags.Env
	if name == "" {
		name = run.Env // a run goes on where it began
	}
	env, err := cfg.Environment(name)
	if err != nil {
		return nil, err
	}
	return SurroundingsOf(cfg, env), nil
}

// surroundingsOfRun are those that a run has pinned, or else those of here.
func (a *App) surroundingsOfRun(ctx context.Context, db *journal.DB, run journal.Run) (*Surroundings, error) {
	pin, err := PinnedBy(ctx, db, run)
	if err != nil {
		return nil, err
	}
	if pin == nil {
		return a.hereFor(run)
	}
	return surroundingsIn(pin), nil
}

// GoOn returns the surroundings in which a run goes on: the pinned ones, or with
// now those that its configuration gives today. repin is set if the run is to
// pin what it gets.
func (a *App) GoOn(ctx context.Context, db *journal.DB, run journal.Run, now bool) (on *Surroundings, repin bool, err error) {
	pin, err := PinnedBy(ctx, db, run)
	if err != nil {
		return nil, false, err
	}
	if pin == nil { // of an older program
		on, err = a.hereFor(run)
		if err == nil {
			a.Note("run %s has not recorded its configuration, because an older runbook began it: it goes on with %s, and keeps that\n",
				journal.Short(run.ID), configured(on.Env.File()))
		}
		return on, true, err
	}
	if now {
		on, err = a.configNow(pin)
		if err == nil {
			a.Note("run %s goes on with %s as it is now\n", journal.Short(run.ID), configured(on.Env.File()))
		}
		return on, true, err
	}
	if err := a.agrees(pin, run); err != nil {
		return nil, false, err
	}
	if why := lost(pin.Dir); why != "" && len(pin.Modules) > 0 {
		return nil, false, fmt.Errorf("run %s was started in %s, where its backends run: %s\nmake that directory as it was, or go on from here with --config-now",
			run.ID, pin.Dir, why)
	}
	a.tellBuild(pin, run)
	a.tellChanges(ctx, pin, run)
	return surroundingsIn(pin), false, nil
}

// agrees refuses flags that name another environment than the run's own.
func (a *App) agrees(pin *config.Pin, run journal.Run) error {
	if a.Flags.Config != "" {
		path, err := filepath.Abs(a.Flags.Config)
		if err != nil {
			return err
		}
		if !sameFile(path, pin.File) {
			return Usagef("run %s was started with %s, and goes on with it; --config names %s\nleave --config out, or add --config-now to go on with the other systems",
				journal.Short(run.ID), configured(pin.File), path)
		}
	}
	if a.Flags.Env != "" && a.Flags.Env != pin.Environment {
		return Usagef("run %s was started in the environment %q, and goes on there; --env names %q\nleave --env out, or add --config-now to go on with the other systems",
			journal.Short(run.ID), pin.Environment, a.Flags.Env)
	}
	return nil
}

// configNow are the surroundings that a run's configuration gives today, or the
// one that --config names.
func (a *App) configNow(pin *config.Pin) (*Surroundings, error) {
	file := a.Flags.Config
	if file == "" {
		file = pin.File
	}
	cfg, err := config.Open(file, ".")
	if err != nil {
		return nil, err
	}
	name := a.Flags.Env
	if name == "" {
		name = pin.Environment
	}
	env, err := cfg.Environment(name)
	if err != nil {
		return nil, err
	}
	on := SurroundingsOf(cfg, env)
	if dir, err := filepath.EvalSymlinks(pin.Dir); err == nil {
		on.dir, on.search = dir, pin.Search
	}
	return on, nil
}

// calledIn is the folder that this was called in, with no link on the way to it: a
// run keeps it, and a link such as "current" may lead elsewhere when it goes on.
func calledIn() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// lost says why a folder is not the one that calledIn returned; "" if it is.
func lost(dir string) string {
	switch now, err := filepath.EvalSymlinks(dir); {
	case err != nil:
		return because(err)
	case now != filepath.Clean(dir):
		return "it is a link now, and leads to " + now
	}
	return ""
}

// tellBuild says that another build of this program goes on with a run than the one
// that started it: what is built in may do otherwise. The record says so, too.
func (a *App) tellBuild(pin *config.Pin, run journal.Run) {
	if pin.Executable != "" && Executable() != "" && pin.Executable != Executable() {
		a.Note("run %s was started by another build of runbook (%s, sha256 %.12s…); it goes on with this one (%s, sha256 %.12s…)\n",
			journal.Short(run.ID), view.Line(pin.Program), view.Line(pin.Executable), Version(), Executable())
	}
}

// tellChanges says in what a run's configuration is another one today. That it
// cannot be read is a change as well.
func (a *App) tellChanges(ctx context.Context, pin *config.Pin, run journal.Run) {
	if pin.File == "" {
		return
	}
	changes, err := a.changes(ctx, pin)
	switch {
	case err != nil:
		a.Note("the configuration with which run %s was started cannot be used today; the run goes on with what it has recorded of it\n  %s\n",
			journal.Short(run.ID), Indented(view.Clean(err.Error())))
	case len(changes) > 0:
		if a.Flags.JSON {
			a.JSONLine(configLine{"configuration", run.ID, pin.File, changes})
		}
		a.Note("%s has changed since run %s was started, which goes on with what it has recorded:\n", pin.File, journal.Short(run.ID))
		for _, d := range changes {
			a.Note("  %s\n", view.Clean(d.String()))
		}
		a.Note("to go on with the new one: add --config-now\n")
	}
}

// configLine says in --json's stream in what a run's configuration is another one
// today than the one that it goes on with.
type configLine struct {
	Type    string              `json:"type"`
	Run     string              `json:"run" doc:"its id"`
	File    string              `json:"file" doc:"the configuration"`
	Changes []config.Difference `json:"changes"`
}

// changes compares a pin with its file.
func (a *App) changes(ctx context.Context, pin *config.Pin) ([]config.Difference, error) {
	cfg, err := config.Load(pin.File)
	if err != nil {
		return nil, err
	}
	env, err := cfg.Environment(pin.Environment)
	if err != nil {
		return nil, err
	}
	on := SurroundingsOf(cfg, env)
	var modules []string
	found := map[config.Carrier]config.Found{}
	for module, list := range pin.Modules {
		modules = append(modules, module)
		for _, was := range list {
			if was.Plugin == "" {
				continue
			}
			spec := host.Spec{Name: was.Backend, Module: module}
			if err := a.locate(on, &spec); err != nil {
				return nil, err
			}
			found[config.Carrier{Module: module, Backend: was.Backend}] = config.Found{Path: spec.Path, SHA256: spec.SHA256}
		}
	}
	return pin.Differences(env.Pin(modules, found, pin.Dir, pin.Search, pin.Program), a.mayBeSecret), nil
}

// mayBeSecret reports whether a path into a backend's configuration leads to
// secrets; of a backend that is not built in, nobody has said that it does not.
func (a *App) mayBeSecret(backend string, path []string) bool {
	b, ok := a.Builtin(backend)
	if !ok {
		return true
	}
	at := &effect.Field{Type: effect.Object, Fields: b.Describe().Config}
	for _, key := range path {
		next := at.Elem
		if at.Type == effect.Object {
			next = nil
		}
		for i := range at.Fields {
			if at.Fields[i].Name == key {
				next = &at.Fields[i]
			}
		}
		if next == nil { // nobody declares it
			return true
		}
		if next.Secret {
			return true
		}
		at = next
	}
	return holdsSecret(at)
}

func holdsSecret(f *effect.Field) bool {
	if f == nil {
		return false
	}
	if f.Secret || holdsSecret(f.Elem) {
		return true
	}
	for i := range f.Fields {
		if holdsSecret(&f.Fields[i]) {
			return true
		}
	}
	return false
}

// configured names a configuration's file in a sentence.
func configured(file string) string {
	if file == "" {
		return "no configuration file"
	}
	return file
}

func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// because is an error of the file system without operation and path.
func because(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return strings.TrimSpace(pe.Err.Error())
	}
	return err.Error()
}
