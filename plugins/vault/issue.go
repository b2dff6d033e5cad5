package vault

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
	"github.com/q-ecosystem/runbook/plugins/internal/versions"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

const (
	// outlasts is by how much the token of a lease is to outlast it.
	outlasts = time.Minute
	// rounding is by how much less a server may grant than it is asked for: it counts
	// in seconds, from when the request came.
	rounding = 2 * time.Second
)

// order is what a call wants issued.
type order struct {
	of   string
	with map[string]any // the body that the engine wants; nil for none
	ttl  time.Duration
}

// token is one that is made for a lease.
type token struct {
	Token    string `json:"client_token"`
	Accessor string `json:"accessor"`
	Duration int    `json:"lease_duration"` // in seconds
}

// credential is what an engine answers that issues.
type credential struct {
	Lease     string                     `json:"lease_id"`
	Duration  int                        `json:"lease_duration"` // in seconds
	Renewable bool                       `json:"renewable"`
	Fields    map[string]json.RawMessage `json:"data"`
	Errors    []string                   `json:"errors"`
}

// issue has a credential made, unless the effect with this key
// did so before. What an effect before has begun only is ended first.
func (b *Backend) issue(ctx context.Context, o order, key string) (map[string]any, *effect.Error) {
	if !good(o.of) {
		return nil, effect.Errorf(effect.CodeInvalid, "%q is no path of what issues", o.of).WithHint("write one like database/creds/app; no part is empty, . or ..")
	}
	path := secrets.Lease(b.settings.leases, key)
	at := location{name: path, path: path}
	old, h, e := b.keeping(ctx, at)
	switch {
	case e != nil:
		return nil, e
	case old == nil && h.current != 0:
		return nil, effect.Errorf(effect.CodeGone, "what the effect has had issued, %s, was released", path).WithHint("issue another one by another call")
	case old != nil && old.Fields != nil:
		if over, e := b.over(ctx, old); e != nil || !over {
			return old.told(at), e
		}
	}
	if old != nil {
		if e := b.endLate(ctx, old); e != nil {
			return nil, e
		}
	}
	child, e := b.child(ctx, o.of, o.ttl, key)
	if e != nil {
		return nil, e
	}
	k := &kept{Of: o.of, Accessor: child.Accessor}
	begun, e := b.keep(ctx, at, h.current, k)
	if e == nil {
		if e = b.fill(ctx, k, o, child); e == nil {
			_, e = b.keep(ctx, at, begun, k)
		}
	}
	if e == nil {
		return k.told(at), nil
	}
	return nil, b.abandoned(ctx, k, e)
}

// keep writes what is known of a credential by now.
func (b *Backend) keep(ctx context.Context, at location, after int, k *kept) (int, *effect.Error) {
	version, e := b.put(ctx, at, after, k, "send it again: what is kept at "+at.path+" tells what was made")
	if e == nil && version == 0 {
		e = effect.Errorf(effect.CodeConflict, "somebody else has written %s meanwhile", at.path).WithHint("see whether another runner carries out the same run")
		e.Retryable = true
	}
	return version, e
}

// abandoned ends whatever was made before an error. Where nobody knows whether it
// was kept, the next attempt sees to it.
func (b *Backend) abandoned(ctx context.Context, k *kept, why *effect.Error) *effect.Error {
	if why.Code == effect.CodeUnknown {
		return why
	}
	end := b.end
	if why.Code == effect.CodeUnavailable || why.Code == effect.CodeTimeout { // the request may have arrived
		end = b.endLate
	}
	if e := end(context.WithoutCancel(ctx), k); e != nil {
		return effect.Errorf(effect.CodeUnknown, "%s; what it may have left could not be ended: %s", why.Message, e.Message).WithHint("%s", e.Hint)
	}
	return why
}

// child makes the token of a lease. It and the backend's own have to live as long.
func (b *Backend) child(ctx context.Context, of string, ttl time.Duration, key string) (*token, *effect.Error) {
	left, e := b.outlives(ctx, of, ttl)
	if e != nil {
		return nil, e
	}
	var got struct{ Auth token }
	what := "make a token to ask " + of + " with"
	if _, e := b.ask(ctx, question{method: http.MethodPost, path: "auth/token/create", what: what, may: "update on auth/token/create", hint: "send it again: a token that nothing hangs on does no harm, and ends by itself",
		body: map[string]any{"ttl": fmt.Sprintf("%ds", int((ttl + outlasts).Seconds())), "renewable": false, "display_name": "runbook",
			"meta": map[string]string{"runbook_effect": versions.Mark(key)}}}, &got); e != nil {
		return nil, e
	}
	if lives := time.Duration(got.Auth.Duration) * time.Second; lives < ttl {
		return nil, b.abandoned(ctx, &kept{Of: of, Accessor: got.Auth.Accessor}, short(of, ttl, lives, "the server makes no token that lives longer: raise max_lease_ttl of the mount auth/token"))
	}
	got.Auth.Duration = min(got.Auth.Duration, int(left.Seconds()))
	return &got.Auth, nil
}

// outlives returns how long the backend's own token lives, which has to be for ttl:
// what hangs on it ends with it. A role logs in anew for that.
func (b *Backend) outlives(ctx context.Context, of string, ttl time.Duration) (time.Duration, *effect.Error) {
	for again := false; ; again = true {
		var got struct {
			Data struct {
				TTL     int    `json:"ttl"`         // in seconds
				Expires string `json:"expire_time"` // "" if it does not
			} `json:"data"`
		}
		if _, e := b.ask(ctx, question{method: http.MethodGet, path: "auth/token/lookup-self", what: "look up how long the token lives",
			may: "read on auth/token/lookup-self (the policy default has it)"}, &got); e != nil {
			return 0, e
		}
		left := time.Duration(got.Data.TTL) * time.Second
		switch {
		case got.Data.Expires == "":
			return math.MaxInt64, nil
		case left >= ttl-rounding:
			return left, nil
		case again || b.settings.token != "":
			return 0, short(of, ttl, left, "the token of the backend ends then, and takes along what it has issued: give it, or token_ttl of its role, a longer life")
		}
		if _, e := b.login(ctx, true); e != nil {
			return 0, e
		}
	}
}

// fill has the credential made. Whatever an answer that is lost has left ends with
// the token.
func (b *Backend) fill(ctx context.Context, k *kept, o order, child *token) *effect.Error {
	var got credential
	began, ttl := time.Now(), o.ttl
	status, e := b.ask(ctx, o.question(child), &got, http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed)
	switch {
	case e != nil:
		return e
	case status == http.StatusBadRequest && o.with != nil:
		return effect.Errorf(effect.CodeRefused, "%s at %s issues nothing with %s: %s", k.Of, b.settings.address.Host, strings.Join(slices.Sorted(maps.Keys(o.with)), ", "), strings.Join(got.Errors, "; ")).
			WithHint("hold `with` against what the engine takes and the role allows")
	case status != http.StatusOK:
		return effect.Errorf(effect.CodeNotFound, "%s issues nothing at %s: %s", k.Of, b.settings.address.Host, cmp.Or(strings.Join(got.Errors, "; "), post.StatusName(status))).
			WithHint("name a role of an engine that issues credentials, as database/creds/app; one that has to be told something, as pki/issue/web, is told it by `with`")
	case got.Lease == "" || len(got.Fields) == 0:
		return effect.Errorf(effect.CodeInvalid, "%s answers without a lease: it issues nothing that ends", k.Of).
			WithHint("name a role of an engine that does, as database/creds/app; one of pki has to have generate_lease; secrets.get reads what is kept")
	}
	lives := time.Duration(got.Duration) * time.Second
	if got.Renewable && lives < ttl {
		var renewed struct {
			Duration int `json:"lease_duration"`
		}
		began = time.Now()
		if _, e := b.ask(ctx, question{method: http.MethodPut, path: "sys/leases/renew", token: child.Token, what: "make what " + k.Of + " has issued live longer",
			may:  "update on sys/leases/renew (the policy default has it)",
			body: map[string]any{"lease_id": got.Lease, "increment": int(ttl.Seconds())}}, &renewed); e != nil {
			return e
		}
		lives = time.Duration(renewed.Duration) * time.Second
	}
	if lives < ttl-rounding {
		return short(k.Of, ttl, lives, "ask for less, or raise max_ttl of the role")
	}
	ends := began.Add(min(lives, time.Duration(child.Duration)*time.Second))
	k.Lease, k.Fields, k.Expires = got.Lease, got.Fields, float64(ends.Unix())
	return nil
}

// question is the request to the engine. One that takes a body is told there how long
// it has to be, too, unless the call says that itself.
func (o order) question(child *token) question {
	q := question{method: http.MethodGet, path: o.of, token: child.Token, what: "have " + o.of + " issue", may: "read on " + o.of}
	if o.with != nil {
		body := map[string]any{"ttl": fmt.Sprintf("%ds", int(o.ttl.Seconds()))}
		maps.Copy(body, o.with)
		q.method, q.body, q.may = http.MethodPost, body, "create and update on "+o.of
	}
	return q
}

// short refuses what would end too soon.
func short(of string, ttl, lives time.Duration, hint string) *effect.Error {
	return effect.Errorf(effect.CodeRefused, "what %s issues would live for %s, and %s are wanted; nothing was issued", of, effect.FormatDuration(lives), effect.FormatDuration(ttl)).
		WithHint("%s", hint)
}
