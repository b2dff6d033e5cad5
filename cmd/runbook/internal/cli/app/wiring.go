package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Surroundings are what a run acts on: which backends carry the modules, and
// where they run.
type Surroundings struct {
	Env *config.Environment
	// dirs and pinned lead to the backends that are not built in.
	dirs   []string
	pinned map[string]string // sha256 by backend
	// executables are those backends where a run has pinned them, by module.
	executables map[string]config.Executable
	dir         string // where backends run; "" for the working directory
	search      string // their PATH; "" for that of this process
}

// SurroundingsOf are those of a configuration, here.
func SurroundingsOf(cfg *config.Config, env *config.Environment) *Surroundings {
	return &Surroundings{Env: env, dirs: cfg.Dirs, pinned: cfg.SHA256}
}

// Here are the surroundings that the flags and the working directory give.
func (a *App) Here() (*Surroundings, error) {
	cfg, err := config.Open(a.Flags.Config, ".")
	if err != nil {
		return nil, err
	}
	env, err := cfg.Environment(a.Flags.Env)
	if err != nil {
		return nil, err
	}
	return SurroundingsOf(cfg, env), nil
}

// NewHost makes the host of the plugins that the modules need; nothing is
// started yet. With modules nil, it is those that the environment names.
// log takes what the plugins say beside their answers.
func (a *App) NewHost(ctx context.Context, on *Surroundings, modules []string, log func(string)) (*host.Host, []host.Spec, error) {
	if modules == nil {
		modules = on.Env.Modules()
	} else {
		modules = needed(modules, on.Env)
	}
	if err := on.Env.Require(modules); err != nil {
		return nil, nil, err
	}
	var specs []host.Spec
	var problems []error
	for _, module := range modules {
		spec, err := a.specFor(ctx, on, module)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		specs = append(specs, spec)
	}
	if len(problems) > 0 {
		return nil, nil, errors.Join(problems...)
	}
	h, err := host.New(host.Options{Specs: specs, Contract: stdlib.Contract, Log: func(backend, line string) {
		log(a.Style.Dim("["+backend+"]") + " " + view.Clean(line))
	}})
	return h, specs, err
}

// needed returns the modules among the names that a script requires: the
// standard ones, and those that the environment names. The rest are files, or
// mistakes that the script host explains best.
func needed(names []string, env *config.Environment) []string {
	configured := env.Modules()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, standard := stdlib.Contract(name)
		return !standard && !slices.Contains(configured, name)
	})
}

// specFor says how to start the backend of a module and what to tell it.
func (a *App) specFor(ctx context.Context, on *Surroundings, module string) (host.Spec, error) {
	spec, fields, err := a.backendOf(ctx, on, module)
	if err != nil {
		return spec, err
	}
	spec.Config, err = on.Env.Resolve(fields, module)
	return spec, err
}

// backendOf finds the backend of a module and the fields of its configuration.
func (a *App) backendOf(ctx context.Context, on *Surroundings, module string) (host.Spec, []effect.Field, error) {
	name, err := on.Env.Backend(module)
	if err != nil {
		return host.Spec{}, nil, err
	}
	spec := host.Spec{Name: name, Module: module, Dir: on.dir}
	if on.search != "" {
		spec.Env = []string{"PATH=" + on.search}
	}
	if b, ok := Builtin(name); ok {
		d := b.Describe()
		if d.Module != module {
			return spec, nil, &config.Error{Where: on.Env.Where(module), Message: fmt.Sprintf("the backend %s carries the module %s, not %s", name, d.Module, module)}
		}
		spec.Builtin = true
		spec.Inherit = name == "exec" || name == "env" || name == "ssh" // which decide themselves what of the environment goes where
		return spec, d.Config, nil
	}
	d, err := a.describe(ctx, on, &spec)
	return spec, d.Config, err
}

// describe finds the file of a backend that is not built in, and asks it what
// it is.
func (a *App) describe(ctx context.Context, on *Surroundings, spec *host.Spec) (plugins.Description, error) {
	if file, ok := on.executables[spec.Module]; ok {
		spec.Path, spec.SHA256 = file.Path, file.SHA256
	} else if err := locate(on, spec); err != nil {
		return plugins.Description{}, fmt.Errorf("%s: %w", on.Env.Where(spec.Module), err)
	}
	h, err := host.New(host.Options{})
	if err != nil {
		return plugins.Description{}, err
	}
	defer h.Close()
	d, err := h.Describe(ctx, *spec)
	if err != nil {
		return d, fmt.Errorf("%s: %w", on.Env.Where(spec.Module), err)
	}
	return d, nil
}

// locate finds the file of a backend that is not built in.
func locate(on *Surroundings, spec *host.Spec) error {
	found, err := host.Discover(on.dirs)
	if err != nil {
		return err
	}
	names := Builtins()
	for _, f := range found {
		names = append(names, f.Name)
		if f.Name != spec.Name {
			continue
		}
		if f.Problem != nil {
			return f.Problem
		}
		spec.Path, spec.SHA256 = f.Path, on.pinned[f.Name]
		return nil
	}
	where := "no plugin directories are configured"
	if len(on.dirs) > 0 {
		where = "looked in " + strings.Join(on.dirs, ", ")
	}
	hint := effect.DidYouMean(spec.Name, names)
	if hint == "" {
		hint = "known: " + strings.Join(names, ", ")
	}
	return &config.Error{Message: fmt.Sprintf("there is no backend %q (%s)", spec.Name, where), Hint: hint}
}

// ForeignModules asks the plugins that an environment names for modules
// outside the standard library what those modules are. Only the modules among
// wanted are asked for.
func (a *App) ForeignModules(ctx context.Context, on *Surroundings, wanted []string) ([]effect.Module, error) {
	var modules []effect.Module
	for _, module := range on.Env.Modules() {
		if _, known := stdlib.Contract(module); known || !slices.Contains(wanted, module) {
			continue
		}
		name, err := on.Env.Backend(module)
		if err != nil {
			return nil, err
		}
		if slices.Contains(Builtins(), name) {
			return nil, &config.Error{Where: on.Env.Where(module), Message: "there is no module " + module, Hint: effect.DidYouMean(module, a.Catalog().Names())}
		}
		d, err := a.describe(ctx, on, &host.Spec{Name: name, Module: module})
		if err != nil {
			return nil, err
		}
		modules = append(modules, effect.Module{Name: d.Module, Doc: d.Doc, Ops: d.Ops})
	}
	return modules, nil
}

// ForeignHere is ForeignModules of the surroundings of here.
func (a *App) ForeignHere(ctx context.Context, wanted []string) ([]effect.Module, error) {
	on, err := a.Here()
	if err != nil {
		return nil, err
	}
	return a.ForeignModules(ctx, on, wanted)
}

// Environments lists those of the configuration; none if it cannot be read.
func (a *App) Environments() []string {
	cfg, err := config.Open(a.Flags.Config, ".")
	if err != nil {
		return nil
	}
	return cfg.Environments()
}

// Secret finds a secret parameter by the reference that the run recorded.
func Secret(ref string) (effect.Secret, error) { return config.ResolveSecret(ref, ref, ".") }
