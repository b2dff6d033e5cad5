// Package env carries the module secrets: it reads secrets from the
// environment variables that runbook was started with. Nothing can be rotated
// there.
package env

import (
	"context"
	"maps"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend reads secrets from the environment. New returns it; Configure makes
// it ready.
type Backend struct {
	variables map[string]string // by the secret's name
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "env", Module: "secrets", Version: "1.0.0",
		Doc: "Read secrets from the environment variables of runbook",
		Ops: stdlib.Carry("secrets", "get"),
		Config: []effect.Field{{Name: "variables", Type: effect.Map, Required: true, Elem: &effect.Field{Type: effect.String, Pattern: `[A-Za-z_][A-Za-z0-9_]*`},
			Doc: `the variable that holds each secret: { "db/password": DB_PASSWORD }`}},
	}
}

// Configure implements plugins.Backend.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	list, _ := config["variables"].(map[string]any)
	if len(list) == 0 {
		return effect.Errorf(effect.CodeInvalid, "configure env: variables: there are none").WithHint(`name them: variables: { "db/password": DB_PASSWORD }`)
	}
	variables := make(map[string]string, len(list))
	for name, v := range list {
		variables[name], _ = v.(string)
	}
	b.variables = variables
	return nil
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(_ context.Context, req plugins.Request) (any, error) {
	if b.variables == nil {
		return nil, errNotConfigured()
	}
	if req.Op != "get" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the env backend has no op called %q", req.Op).WithHint("it has get")
	}
	name, _ := req.Args["name"].(string)
	variable, ok := b.variables[name]
	if !ok {
		names := slices.Sorted(maps.Keys(b.variables))
		return nil, effect.Errorf(effect.CodeNotFound, "no secret %q is configured", name).WithHint("%s", effect.Among("known: ", name, names))
	}
	if version, _ := req.Args["version"].(string); version != "" {
		return nil, effect.Errorf(effect.CodeNotFound, "the secret %s is an environment variable, without versions", name).WithHint("leave version out")
	}
	value, err := read(name, variable)
	if err != nil {
		return nil, err
	}
	return map[string]any{"value": value}, nil
}

func read(name, variable string) (string, error) {
	value, set := os.LookupEnv(variable)
	switch {
	case !set:
		return "", effect.Errorf(effect.CodeNotFound, "the secret %s is not there: the environment variable %s is not set", name, variable).
			WithHint("set it, and start runbook again: resume goes on")
	case value == "":
		return "", effect.Errorf(effect.CodeNotFound, "the secret %s is not there: the environment variable %s is empty", name, variable).
			WithHint("set it, and start runbook again: resume goes on")
	case !utf8.ValidString(value):
		return "", effect.Errorf(effect.CodeInvalid, "the environment variable %s holds no text", variable).WithHint("write the secret %s in base64", name)
	}
	return value, nil
}

// Health implements plugins.Backend: all variables are set.
func (b *Backend) Health(context.Context) error {
	if b.variables == nil {
		return errNotConfigured()
	}
	for _, name := range slices.Sorted(maps.Keys(b.variables)) {
		if _, err := read(name, b.variables[name]); err != nil {
			return err
		}
	}
	return nil
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the env backend is not configured")
}
