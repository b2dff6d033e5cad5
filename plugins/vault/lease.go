package vault

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// kept is what the server keeps of a credential that an effect has had issued, as
// a version of the secret that is named as its lease.
//
// A lease hangs on the token with which it was asked for, and ends with it. Each is
// asked for with a token of its own, of which the accessor is written down before:
// so the next runner finds and ends whatever one that was killed has had made.
type kept struct {
	Of       string                     `json:"of"`       // what made it: "database/creds/app"
	Accessor string                     `json:"accessor"` // of its token
	Lease    string                     `json:"lease,omitempty"`
	Expires  float64                    `json:"expires,omitempty"` // in seconds since 1970
	Fields   map[string]json.RawMessage `json:"fields,omitempty"`  // none while it is being made
}

// told is what issue says of a credential.
func (k *kept) told(at location) map[string]any {
	return map[string]any{"lease": at.name, "expires": k.Expires}
}

// leased reads the name of a lease.
func (s *settings) leased(name string) (location, *effect.Error) {
	if !good(name) || !s.keeps(name) {
		return location{}, effect.Errorf(effect.CodeInvalid, "%q is no lease", name).WithHint("give what secrets.issue has returned as lease")
	}
	return location{name: name, path: name}, nil
}

// keeping reads what is kept of a lease: nil where it was released, and where there
// is none, of which the history is empty.
func (b *Backend) keeping(ctx context.Context, at location) (*kept, *history, *effect.Error) {
	h, e := b.history(ctx, at)
	if e != nil || h.current == 0 || h.versions[h.current].Destroyed {
		return nil, h, e
	}
	if !h.versions[h.current].valid() {
		return nil, h, effect.Errorf(effect.CodeRefused, "what is kept of %s was deleted", at.path).WithHint("restore it (undelete): the lease goes on meanwhile")
	}
	content, e := b.content(ctx, at, h.current)
	if e != nil {
		return nil, h, e
	}
	k := new(kept)
	data, err := json.Marshal(content)
	if err != nil || json.Unmarshal(data, k) != nil || k.Accessor == "" {
		return nil, h, effect.Errorf(effect.CodeFailed, "version %d of %s is nothing that secrets.issue keeps", h.current, at.path).
			WithHint("find who wrote it; `leases` in the configuration of the backend may name another path")
	}
	return k, h, nil
}

// field returns a field of a credential that was issued.
func (b *Backend) field(ctx context.Context, at location, wanted string) (map[string]any, *effect.Error) {
	k, h, e := b.keeping(ctx, at)
	switch {
	case e != nil:
		return nil, e
	case h.current == 0:
		return nil, b.unknown(at)
	case wanted != "" && wanted != "1":
		return nil, effect.Errorf(effect.CodeNotFound, "there is no version %s of %s", wanted, at.path).WithHint("what was issued has the version 1, and no other")
	case k != nil && k.Fields == nil:
		return nil, effect.Errorf(effect.CodeConflict, "%s is being made", at.path).WithHint("give the lease that secrets.issue has returned")
	}
	over := k == nil
	if !over {
		if over, e = b.over(ctx, k); e != nil {
			return nil, e
		}
	}
	if over {
		return nil, effect.Errorf(effect.CodeGone, "%s has ended", at.path).WithHint("issue another one, right before it is used")
	}
	raw, ok := k.Fields[at.field]
	if !ok {
		return nil, b.lacks(at, 1, k.Fields)
	}
	return map[string]any{"value": text(raw), "version": "1"}, nil
}

// over asks whether a lease has ended, whoever ended it.
func (b *Backend) over(ctx context.Context, k *kept) (bool, *effect.Error) {
	status, e := b.ask(ctx, question{method: http.MethodPut, path: "sys/leases/lookup", body: map[string]string{"lease_id": k.Lease},
		what: "look up a lease of " + k.Of, may: "update on sys/leases/lookup (the policy default has it)"}, nil, http.StatusBadRequest)
	return status == http.StatusBadRequest, e
}

// release ends a credential, and what is kept of it.
func (b *Backend) release(ctx context.Context, name string) (map[string]any, *effect.Error) {
	at, e := b.settings.leased(name)
	if e != nil {
		return nil, e
	}
	k, h, e := b.keeping(ctx, at)
	done := map[string]any{"lease": name}
	switch {
	case e != nil:
		return nil, e
	case h.current == 0:
		return nil, b.unknown(at)
	case k == nil:
		return done, nil
	}
	if e := b.end(ctx, k); e != nil {
		return nil, e
	}
	if k.Lease != "" {
		if e := b.ended(ctx, k, at); e != nil {
			return nil, e
		}
	}
	if e := b.destroy(ctx, at, "release it once more: what has ended is no error", h.numbers()...); e != nil {
		return nil, e
	}
	return done, nil
}

// end tells the server to end a token, and with it all of its leases.
func (b *Backend) end(ctx context.Context, k *kept) *effect.Error {
	_, e := b.ask(ctx, question{method: http.MethodPost, path: "auth/token/revoke-accessor", body: map[string]string{"accessor": k.Accessor},
		what: "end what " + k.Of + " has issued", may: "update on auth/token/revoke-accessor", hint: "do it once more: what has ended is no error"},
		nil, http.StatusBadRequest) // there is no such token any more
	return e
}

// endLate is end for what may be on its way yet: a lease that the server makes for a
// request whose token has ended meanwhile would not end with it.
func (b *Backend) endLate(ctx context.Context, k *kept) *effect.Error {
	select {
	case <-ctx.Done():
	case <-time.After(b.settings.passing):
	}
	return b.end(ctx, k)
}

// ended waits until the server has ended a lease, which it does by and by.
func (b *Backend) ended(ctx context.Context, k *kept, at location) *effect.Error {
	for began, wait := time.Now(), 10*time.Millisecond; ; wait = min(2*wait, time.Second) {
		over, e := b.over(ctx, k)
		if e != nil || over {
			return e
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		if ctx.Err() != nil || time.Since(began) > b.settings.settling {
			e := effect.Errorf(effect.CodeFailed, "%s was told to end %s, and has not done so within %s: %s issued it, and cannot take it back", b.settings.address.Host, at.path,
				effect.FormatDuration(time.Since(began).Round(time.Second)), k.Of).
				WithHint("see the server's log and whether what it was issued for can be reached; the server goes on trying")
			e.Retryable = true
			return e
		}
	}
}

func (b *Backend) unknown(at location) *effect.Error {
	return effect.Errorf(effect.CodeNotFound, "there is no lease %s in %s", at.path, b.settings.mount).
		WithHint("give what secrets.issue has returned as lease; the server says the same of a mount that it does not have: `mount`")
}
