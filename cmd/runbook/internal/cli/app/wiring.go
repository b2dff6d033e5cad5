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
)

// Surroundings are what a run acts on: which backends carry the modules, and
// where they run.
type Surroundings struct {
	Env *config.Environment
	// dirs and pinned lead to the backends that are not built in.
	dirs   []string
	pinned map[string]string // sha256 by backend
	// found are the files of those backends where a run has pinned them.
	found  map[config.Carrier]config.Found
	dir    string // where backends run; "" for the working directory
	search string // their PATH; "" for that of this process
}

// SurroundingsOf are those of a configuration, here.
func SurroundingsOf(cfg *config.Config, env *config.Environment) *Surroundings {
	dir, _ := calledIn() // one that is gone is told to whoever wants to keep it
	return &Surroundings{Env: env, dirs: cfg.Dirs, pinned: cfg.SHA256, dir: dir}
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
		modules = a.needed(modules, on.Env)
	}
	if err := on.Env.Require(modules); err != nil {
		return nil, nil, err
	}
	var specs []host.Spec
	var problems []error
	for _, module := range modules {
		list, err := a.specsFor(ctx, on, module)
		problems = append(problems, err)
		specs = append(specs, list...)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, nil, err
	}
	h, err := a.hostOf(specs, log)
	return h, specs, err
}

func (a *App) hostOf(specs []host.Spec, log func(string)) (*host.Host, error) {
	return host.New(host.Options{Specs: specs, Contract: a.Contract, Carriers: a.Carriers, Log: func(backend, line string) {
		log(a.Style.Dim("["+backend+"]") + " " + view.Clean(line))
	}})
}

// HostOf makes the host of one backend alone.
func (a *App) HostOf(ctx context.Context, on *Surroundings, c config.Carrier, log func(string)) (*host.Host, error) {
	found, err := a.backendOf(ctx, on, c)
	if err != nil {
		return nil, err
	}
	if found.spec.Config, err = on.Env.Resolve(found.desc.Config, c); err != nil {
		return nil, err
	}
	return a.hostOf([]host.Spec{found.spec}, log)
}

// needed returns the modules among the names that a script requires: the
// standard ones, and those that the environment names. The rest are files, or
// mistakes that the script host explains best.
func (a *App) needed(names []string, env *config.Environment) []string {
	configured := env.Modules()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, standard := a.Contract(name)
		return !standard && !slices.Contains(configured, name)
	})
}

// specsFor says how to start the backends of a module, what to tell them, and
// which ops each of them is given.
func (a *App) specsFor(ctx context.Context, on *Surroundings, module string) ([]host.Spec, error) {
	list, err := a.carriersOf(ctx, on, module)
	if err != nil {
		return nil, err
	}
	var specs []host.Spec
	var problems []error
	for _, c := range list {
		c.spec.Config, err = on.Env.Resolve(c.desc.Config, config.Carrier{Module: module, Backend: c.spec.Name})
		problems = append(problems, err)
		specs = append(specs, c.spec)
	}
	return specs, errors.Join(problems...)
}

// carrier is a backend that was found: how it is started, and what it is.
type carrier struct {
	spec host.Spec
	desc plugins.Description
}

// carriersOf finds the backends of a module, in the order in which they are asked,
// each with the ops that it is given.
func (a *App) carriersOf(ctx context.Context, on *Surroundings, module string) ([]carrier, error) {
	names, err := on.Env.Backends(module)
	if err != nil {
		return nil, err
	}
	var list []carrier
	var problems []error
	carried := map[string][]effect.Op{}
	for _, name := range names {
		c, err := a.backendOf(ctx, on, config.Carrier{Module: module, Backend: name})
		problems = append(problems, err)
		list = append(list, c)
		carried[name] = c.desc.Ops
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	m, standard := a.Contract(module)
	if !standard {
		if m, err = broughtBy(on, list); err != nil {
			return nil, err
		}
	}
	given, err := on.Env.Assign(m, carried)
	for i := range list {
		list[i].spec.Ops = given[list[i].spec.Name]
	}
	return list, err
}

// Given says which ops of a module each of its backends is given, where that is
// not all; the error is about the configuration. Where a backend cannot be found,
// which is another matter, it says nothing.
func (a *App) Given(ctx context.Context, on *Surroundings, module string) (map[string][]string, error) {
	names, err := on.Env.Backends(module)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := a.backendOf(ctx, on, config.Carrier{Module: module, Backend: name}); err != nil {
			return nil, nil
		}
	}
	list, err := a.carriersOf(ctx, on, module)
	given := map[string][]string{}
	for _, c := range list {
		given[c.spec.Name] = c.spec.Ops
	}
	return given, err
}

// broughtBy returns the module that its backends bring.
func broughtBy(on *Surroundings, list []carrier) (effect.Module, error) {
	var all []plugins.Description
	for _, c := range list {
		all = append(all, c.desc)
	}
	m, err := host.Brought(all...)
	if err != nil {
		return m, fmt.Errorf("%s: %w", on.Env.Where(config.Carrier{Module: m.Name}), err)
	}
	return m, nil
}

// backendOf finds one backend.
func (a *App) backendOf(ctx context.Context, on *Surroundings, c config.Carrier) (carrier, error) {
	found := carrier{spec: host.Spec{Name: c.Backend, Module: c.Module, Dir: on.dir}}
	if on.dir != "" {
		found.spec.Env = append(found.spec.Env, "PWD="+on.dir) // so that no link to it is taken for it
	}
	if on.search != "" {
		found.spec.Env = append(found.spec.Env, "PATH="+on.search)
	}
	if b, ok := a.Builtin(c.Backend); ok {
		found.desc = b.Describe()
		if found.desc.Module != c.Module {
			return found, &config.Error{Where: on.Env.Where(c), Message: fmt.Sprintf("the backend %s carries the module %s, not %s", c.Backend, found.desc.Module, c.Module)}
		}
		found.spec.Builtin = true
		found.spec.Inherit = c.Backend == "exec" || c.Backend == "env" || c.Backend == "script" || c.Backend == "ssh" // which decide themselves what of the environment goes where
		return found, nil
	}
	var err error
	found.desc, err = a.describe(ctx, on, &found.spec)
	return found, err
}

// describe finds the file of a backend that is not built in, and asks it what
// it is.
func (a *App) describe(ctx context.Context, on *Surroundings, spec *host.Spec) (plugins.Description, error) {
	c := config.Carrier{Module: spec.Module, Backend: spec.Name}
	if file := on.found[c]; file.Path != "" {
		spec.Path, spec.SHA256 = file.Path, file.SHA256
	} else if err := a.locate(on, spec); err != nil {
		return plugins.Description{}, fmt.Errorf("%s: %w", on.Env.Where(c), err)
	}
	h, err := host.New(host.Options{})
	if err != nil {
		return plugins.Description{}, err
	}
	defer h.Close()
	d, err := h.Describe(ctx, *spec)
	if err != nil {
		return d, fmt.Errorf("%s: %w", on.Env.Where(c), err)
	}
	return d, nil
}

// locate finds the file of a backend that is not built in.
func (a *App) locate(on *Surroundings, spec *host.Spec) error {
	found, err := host.Discover(on.dirs)
	if err != nil {
		return err
	}
	names := a.Builtins()
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
		if _, known := a.Contract(module); known || !slices.Contains(wanted, module) {
			continue
		}
		names, err := on.Env.Backends(module)
		if err != nil {
			return nil, err
		}
		var list []carrier
		for _, name := range names {
			c := config.Carrier{Module: module, Backend: name}
			if slices.Contains(a.Builtins(), name) {
				return nil, &config.Error{Where: on.Env.Where(c), Message: "there is no module " + module, Hint: effect.DidYouMean(module, a.Catalog().Names())}
			}
			found := carrier{spec: host.Spec{Name: name, Module: module}}
			if found.desc, err = a.describe(ctx, on, &found.spec); err != nil {
				return nil, err
			}
			list = append(list, found)
		}
		m, err := broughtBy(on, list)
		if err != nil {
			return nil, err
		}
		modules = append(modules, m)
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
