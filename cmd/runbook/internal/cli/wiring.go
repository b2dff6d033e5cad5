package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
)

// newHost makes the host of the plugins that the modules need; nothing is
// started yet. With modules nil, it is those that the environment names.
// log takes what the plugins say beside their answers.
func (a *app) newHost(ctx context.Context, cfg *config.Config, env *config.Environment, modules []string, log func(string)) (*host.Host, error) {
	if modules == nil {
		modules = env.Modules()
	} else {
		modules = needed(modules, env)
	}
	if err := env.Require(modules); err != nil {
		return nil, err
	}
	var specs []host.Spec
	var problems []error
	for _, module := range modules {
		spec, err := a.specFor(ctx, cfg, env, module)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		specs = append(specs, spec)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return host.New(host.Options{Specs: specs, Contract: stdlib.Contract, Log: func(backend, line string) {
		log(a.style.Dim("["+backend+"]") + " " + view.Clean(line))
	}})
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
func (a *app) specFor(ctx context.Context, cfg *config.Config, env *config.Environment, module string) (host.Spec, error) {
	name, err := env.Backend(module)
	if err != nil {
		return host.Spec{}, err
	}
	spec := host.Spec{Name: name, Module: module}
	var fields []effect.Field
	if b, ok := builtin(name); ok {
		d := b.Describe()
		if d.Module != module {
			return spec, &config.Error{Where: env.Where(module), Message: fmt.Sprintf("the backend %s carries the module %s, not %s", name, d.Module, module)}
		}
		spec.Builtin, fields = true, d.Config
	} else {
		if err := a.locate(cfg, &spec); err != nil {
			return spec, fmt.Errorf("%s: %w", env.Where(module), err)
		}
		h, err := host.New(host.Options{})
		if err != nil {
			return spec, err
		}
		defer h.Close()
		d, err := h.Describe(ctx, spec)
		if err != nil {
			return spec, fmt.Errorf("%s: %w", env.Where(module), err)
		}
		fields = d.Config
	}
	spec.Config, err = env.Resolve(fields, module)
	return spec, err
}

// locate finds the file of a backend that is not built in.
func (a *app) locate(cfg *config.Config, spec *host.Spec) error {
	found, err := host.Discover(cfg.Dirs)
	if err != nil {
		return err
	}
	names := builtins()
	for _, f := range found {
		names = append(names, f.Name)
		if f.Name != spec.Name {
			continue
		}
		if f.Problem != nil {
			return f.Problem
		}
		spec.Path, spec.SHA256 = f.Path, cfg.SHA256[f.Name]
		return nil
	}
	where := "no plugin directories are configured"
	if len(cfg.Dirs) > 0 {
		where = "looked in " + strings.Join(cfg.Dirs, ", ")
	}
	hint := effect.DidYouMean(spec.Name, names)
	if hint == "" {
		hint = "known: " + strings.Join(names, ", ")
	}
	return &config.Error{Message: fmt.Sprintf("there is no backend %q (%s)", spec.Name, where), Hint: hint}
}

// foreignModules asks the plugins that an environment names for modules
// outside the standard library what those modules are. Only the modules among
// wanted are asked for.
func (a *app) foreignModules(ctx context.Context, envName string, wanted []string) ([]effect.Module, error) {
	cfg, err := config.Open(a.flags.config, ".")
	if err != nil {
		return nil, err
	}
	env, err := cfg.Environment(envName)
	if err != nil {
		return nil, err
	}
	var modules []effect.Module
	for _, module := range env.Modules() {
		if _, known := stdlib.Contract(module); known || !slices.Contains(wanted, module) {
			continue
		}
		name, err := env.Backend(module)
		if err != nil {
			return nil, err
		}
		if slices.Contains(builtins(), name) {
			return nil, &config.Error{Where: env.Where(module), Message: "there is no module " + module, Hint: effect.DidYouMean(module, a.catalog().Names())}
		}
		spec := host.Spec{Name: name, Module: module}
		if err := a.locate(cfg, &spec); err != nil {
			return nil, fmt.Errorf("%s: %w", env.Where(module), err)
		}
		h, err := host.New(host.Options{})
		if err != nil {
			return nil, err
		}
		d, err := h.Describe(ctx, spec)
		h.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", env.Where(module), err)
		}
		modules = append(modules, effect.Module{Name: d.Module, Doc: d.Doc, Ops: d.Ops})
	}
	return modules, nil
}

// environments lists those of the configuration; none if it cannot be read.
func (a *app) environments() []string {
	cfg, err := config.Open(a.flags.config, ".")
	if err != nil {
		return nil
	}
	return cfg.Environments()
}

// secret finds a secret parameter by the reference that the run recorded.
func secret(ref string) (effect.Secret, error) { return config.ResolveSecret(ref, ref, ".") }

// detach says whether a run stops when people have to answer.
func (w waitFlag) detach(terminal bool) bool {
	switch {
	case w.wait:
		return false
	case w.noWait:
		return true
	}
	return !terminal
}
