// Package webhook carries send, page and update of the module notify by signed
// HTTP requests to a service of the team, as Standard Webhooks 1.0.0 has it
// (github.com/standard-webhooks/standard-webhooks).
//
// The request's webhook-id is the effect's key: the same for every attempt, so
// that a receiver can drop a repeated one. A message is sent once and never
// again. Pages are sent again when their outcome is unknown, and therefore only
// to endpoints of which the configuration says that they drop repetitions.
//
//   - settings.go   the configuration
//   - sign.go       the signature
package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend sends to the configured endpoints. New returns it; Configure makes
// it ready.
type Backend struct {
	settings *settings
	now      func() time.Time
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{now: time.Now} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "webhook", Module: "notify", Version: "1.0.0",
		Doc:    "Tell services of your own, by signed HTTP requests after Standard Webhooks",
		Ops:    stdlib.Carry("notify", "send", "page", "update"),
		Config: fields(),
	}
}

// Configure implements plugins.Backend. It connects to nobody.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings(config)
	if err != nil {
		return err
	}
	b.settings = s
	return nil
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if !slices.Contains([]string{"send", "page", "update"}, req.Op) {
		return nil, effect.Errorf(effect.CodeUnsupported, "the webhook backend has no op called %q", req.Op).WithHint("it has send, page and update")
	}
	e, err := b.endpoint(req)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeUnavailable, "%s to %s: given up before anything was sent: %v", req.Op, e.name, context.Cause(ctx))
	}
	data := map[string]any{"run": req.Run}
	for _, name := range []string{"to", "text", "title", "key", "severity", "details", "status"} {
		if v := req.Args[name]; v != nil && v != "" {
			data[name] = v
		}
	}
	if req.Op == "page" && data["key"] == nil {
		data["key"] = req.Key
	}
	if failure := b.post(ctx, e, req, data); failure != nil {
		return nil, b.settings.scrub.Error(failure)
	}
	switch req.Op {
	case "send":
		return map[string]any{"sent": true}, nil
	case "page":
		return map[string]any{"key": data["key"]}, nil
	}
	return map[string]any{}, nil
}

// post sends one request and reads what the answer means.
func (b *Backend) post(ctx context.Context, e *endpoint, req plugins.Request, data map[string]any) *effect.Error {
	now := b.now().UTC()
	body, err := json.Marshal(map[string]any{"type": "runbook." + req.Op, "timestamp": now.Format(time.RFC3339Nano), "data": data})
	if err != nil {
		return effect.Errorf(effect.CodeInvalid, "%s to %s cannot be written as JSON: %v", req.Op, e.name, err)
	}
	at := strconv.FormatInt(now.Unix(), 10)
	header := http.Header{"Content-Type": {"application/json"}, "Webhook-Id": {req.Key}, "Webhook-Timestamp": {at},
		"Webhook-Signature": {signatures(e.keys, req.Key, at, body)}}
	for name, value := range e.headers {
		header.Set(name, value)
	}
	answer, f := b.settings.client.Do(ctx, http.MethodPost, e.url, header, body)
	hint := "look whether the message came; the receiver knows it by webhook-id " + req.Key
	if f != nil {
		return f.Write(hint)
	}
	return verdict(e, req.Op, answer, hint)
}

// verdict says what a status means: 2xx that it was taken, 4xx that it was
// not. Of anything else nobody knows what the receiver, or one before it, has
// done; pages may be sent again then.
func verdict(e *endpoint, op string, a *post.Answer, hint string) *effect.Error {
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	message := fmt.Sprintf("%s to %s (%s, %s) was answered %s", op, e.name, e.url.Host, a.Address, post.StatusName(a.Status))
	if text := a.Excerpt(); text != "" {
		message += ": " + text
	}
	refused := effect.Errorf(effect.CodeRefused, "%s", message)
	switch {
	case a.Status == http.StatusTooManyRequests:
		refused.Retryable = true
		if after := a.Header.Get("Retry-After"); after != "" {
			refused.Message += "; it asks to wait (Retry-After: " + after + ")"
		}
		return refused.WithHint("the receiver takes no more for now: send fewer, or later")
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return refused.WithHint("check secret and headers of this endpoint in the configuration of webhook, and the clocks of both machines: the signature holds a time")
	case a.Status >= 300 && a.Status < 400:
		return refused.WithHint("redirects are not followed: configure the URL that it leads to")
	case a.Status >= 400 && a.Status < 500 && a.Status != http.StatusRequestTimeout:
		return refused.WithHint("check the url of this endpoint in the configuration of webhook, and the receiver's log")
	case op != "send":
		failed := effect.Errorf(effect.CodeFailed, "%s", message)
		failed.Retryable = true
		return failed.WithHint("it may be sent again, its webhook-id makes it the same; see the receiver's log")
	}
	return effect.Errorf(effect.CodeUnknown, "%s; it is not known whether it was taken", message).WithHint("%s", hint)
}

// Preview implements plugins.Previewer: it says where a message would go.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	e, err := b.endpoint(req)
	if err != nil {
		return effect.Prediction{}, err
	}
	text, _ := req.Args["text"].(string)
	return effect.Prediction{Target: "endpoint " + e.name + " (" + e.url.Host + ")", To: text}, nil
}

// Health implements plugins.Backend: every endpoint's server takes
// connections. It sends OPTIONS, which tells nobody anything.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	for _, e := range b.settings.endpoints {
		if _, f := b.settings.client.Do(ctx, http.MethodOptions, e.url, nil, nil); f != nil {
			return f.Error()
		}
	}
	return nil
}

// endpoint returns the configured endpoint that a call means.
func (b *Backend) endpoint(req plugins.Request) (*endpoint, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	to, _ := req.Args["to"].(string)
	var names []string
	for _, e := range b.settings.endpoints {
		if e.name != to {
			names = append(names, e.name)
			continue
		}
		if req.Op != "send" && !e.pages {
			return nil, effect.Errorf(effect.CodeUnsupported, "%s is not configured to take pages; nothing was sent", to).
				WithHint("set pages: true at this endpoint in the configuration of webhook if it drops what comes twice with one webhook-id")
		}
		return e, nil
	}
	return nil, effect.Errorf(effect.CodeNotFound, "no endpoint %q is configured at webhook", to).WithHint("%s", effect.Among("known: ", to, names))
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the webhook backend is not configured")
}
