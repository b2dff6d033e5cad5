// Package vault carries the module secrets by the key-value engine, version 2, of
// HashiCorp Vault and OpenBao, and by their engines that issue credentials.
//
// # Names
//
// A secret is PATH or PATH#FIELD: db/app#password is the field password of what is
// kept at db/app. Without a field it is the one that the configuration names,
// "value" if it names none. A version is a version of the whole path, so rotating
// one field takes the others along as they are.
//
// # What is known when something goes wrong
//
// A new version is written under the condition that the one it follows is still
// the newest (check-and-set), and bears a mark of its effect in a field of its own,
// for the engine keeps nothing else with one version. By it a repetition knows the
// version that it made before, and Observe tells whether there is one. To destroy a
// version twice is to destroy it once.
//
// A credential that is issued is kept by the key-value engine until it is released:
// the server tells it once, and a run that goes on elsewhere needs it again. See kept
// for what a runner leaves that is killed meanwhile.
//
// Requests are made without HashiCorp's client, which repeats them and follows
// redirects by itself: whether a write may have arrived is then not known.
package vault

import (
	"context"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend reads, rotates and revokes secrets, and has credentials issued. New returns it; Configure makes it
// ready.
type Backend struct {
	settings *settings

	mu    sync.Mutex
	token session // by role, once it has logged in
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "vault", Module: "secrets", Version: "1.0.0",
		Doc:    "Keep secrets in HashiCorp Vault or OpenBao, by the key-value engine, version 2, and have credentials issued",
		Ops:    stdlib.Carry("secrets", "get", "rotate", "revoke", "issue", "release"),
		Config: fields(),
	}
}

// Configure implements plugins.Backend. It asks nobody.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings(config)
	if err != nil {
		return err
	}
	b.settings, b.token = s, session{}
	return nil
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "secrets.%s was canceled before it began; nothing was sent", req.Op)
	}
	var out map[string]any
	var e *effect.Error
	switch req.Op {
	case "issue":
		ttl, _ := req.Args["ttl"].(float64)
		with, _ := req.Args["with"].(map[string]any)
		out, e = b.issue(ctx, order{str(req.Args["name"]), with, effect.Seconds(ttl)}, req.Key)
	case "release":
		out, e = b.release(ctx, str(req.Args["lease"]))
	default:
		out, e = b.named(ctx, req)
	}
	if e != nil {
		return nil, e
	}
	return out, nil
}

// named carries out an op on the secret that it names.
func (b *Backend) named(ctx context.Context, req plugins.Request) (map[string]any, *effect.Error) {
	at, e := b.settings.locate(str(req.Args["name"]))
	if e != nil {
		return nil, e
	}
	version := str(req.Args["version"])
	switch issued := b.settings.keeps(at.path); {
	case issued && req.Op == "get":
		return b.field(ctx, at, version)
	case issued:
		return nil, effect.Errorf(effect.CodeInvalid, "%s was issued: secrets.%s is for secrets that are kept for long", at.path, req.Op).WithHint("end it with secrets.release")
	case req.Op == "get":
		return b.get(ctx, at, version)
	case req.Op == "rotate":
		length, _ := req.Args["length"].(float64)
		return b.rotate(ctx, at, str(req.Args["value"]), int(length), req.Key)
	case req.Op == "revoke":
		return b.revoke(ctx, at, version)
	}
	return nil, effect.Errorf(effect.CodeUnsupported, "the vault backend has no op called %q", req.Op).WithHint("it has get, rotate, revoke, issue and release")
}

// Observe implements plugins.Observer: it looks for the version that bears the
// mark of the effect. Where the newest one cannot be read any more, it may have
// been that one.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	if b.settings == nil {
		return plugins.Observation{}, errNotConfigured()
	}
	if req.Op != "rotate" {
		return plugins.Observation{State: effect.Uncertain}, nil
	}
	at, e := b.settings.locate(str(req.Args["name"]))
	if e != nil {
		return plugins.Observation{}, e
	}
	h, e := b.history(ctx, at)
	if e != nil {
		return plugins.Observation{}, e
	}
	made, e := b.made(ctx, at, h, req.Key)
	switch {
	case e != nil:
		return plugins.Observation{}, e
	case made != 0:
		return plugins.Observation{State: effect.Applied, Value: h.told(made)}, nil
	case h.current != 0 && h.newest() != h.current:
		return plugins.Observation{State: effect.Uncertain}, nil
	}
	return plugins.Observation{State: effect.NotApplied}, nil
}

// Health implements plugins.Backend: the server is open, it takes the token, and
// has the key-value engine, version 2, where the configuration says.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	if e := b.open(ctx); e != nil {
		return e
	}
	if e := b.known(ctx); e != nil {
		return e
	}
	if e := b.mounted(ctx); e != nil {
		return e
	}
	return nil
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the vault backend is not configured")
}

func str(v any) string {
	s, _ := v.(string)
	return s
}
