package vault

import (
	"context"
	"net/http"
	"net/url"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// open asks whether the server carries out what it is asked.
func (b *Backend) open(ctx context.Context) *effect.Error {
	var got struct {
		Initialized, Sealed bool
	}
	// A standby passes on what it is asked.
	_, e := b.ask(ctx, question{method: http.MethodGet, path: "sys/health", query: url.Values{"standbyok": {"true"}, "perfstandbyok": {"true"}},
		what: "ask Vault whether it is open", anonymous: true}, &got, http.StatusNotImplemented, http.StatusServiceUnavailable)
	switch {
	case e != nil:
		return e
	case !got.Initialized:
		return effect.Errorf(effect.CodeUnavailable, "%s is not initialized", b.settings.address.Host).WithHint("run: vault operator init")
	case got.Sealed:
		return effect.Errorf(effect.CodeUnavailable, "%s is sealed", b.settings.address.Host).WithHint("run: vault operator unseal")
	}
	return nil
}

// known asks whether the server takes the token.
func (b *Backend) known(ctx context.Context) *effect.Error {
	_, e := b.ask(ctx, question{method: http.MethodGet, path: "auth/token/lookup-self", what: "look the token up", may: "read on auth/token/lookup-self (the policy default has it)"}, nil)
	return e
}

// mounted asks for the engine.
func (b *Backend) mounted(ctx context.Context) *effect.Error {
	var got struct {
		Data struct {
			Type    string
			Options map[string]string
		}
	}
	path := "sys/internal/ui/mounts/" + b.settings.mount
	if _, e := b.ask(ctx, question{method: http.MethodGet, path: path, what: "look the mount " + b.settings.mount + " up",
		may: "something below " + b.settings.mount + ", if there is such a mount"}, &got); e != nil {
		return e
	}
	if got.Data.Type != "kv" || got.Data.Options["version"] != "2" {
		return effect.Errorf(effect.CodeRefused, "the mount %s is no key-value engine of version 2, which keeps versions: it is %s %s", b.settings.mount, got.Data.Type, got.Data.Options["version"]).
			WithHint("name another one as `mount`, or run: vault kv enable-versioning %s", b.settings.mount)
	}
	return nil
}
