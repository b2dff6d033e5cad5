// Package shoutrrr is the backend that tells people what happens, through the
// services that the shoutrrr library knows: chat, mail, push, webhooks. It
// carries the module notify.
//
// A channel's URL is a secret: it holds tokens and passwords. Nothing that
// leaves this package repeats it or a part of it, see scrubber.
//
// A message cannot be taken back and is not to be sent twice, so the backend
// says "refused" or "unavailable" only if the message certainly reached
// nobody, and "unknown" in all doubt, see classify.
package shoutrrr

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend sends messages to the configured channels. Use New.
type Backend struct {
	channels map[string]*channel
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe says what the backend is.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "shoutrrr", Module: "notify", Version: "1.0.0",
		Doc: "Send messages to chat, mail, push services and webhooks by shoutrrr URLs",
		Ops: stdlib.Carry("notify", "send"),
		Config: []effect.Field{{Name: "channels", Type: effect.Map, Required: true,
			Doc: "where messages go, by the names that runbooks use",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				{Name: "url", Type: effect.String, Secret: true, Required: true,
					Doc: "a shoutrrr URL: slack://…, smtp://…, generic+https://…"},
				{Name: "title", Type: effect.String, Doc: "the subject of messages that have none of their own"},
			}}}},
	}
}

// Configure reads the channels; it connects to none.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	list, _ := config["channels"].(map[string]any)
	if len(list) == 0 {
		return effect.Errorf(effect.CodeInvalid, "configure shoutrrr: there is no channel").
			WithHint("name at least one: channels: { deployments: { url: env:DEPLOYMENTS_URL } }")
	}
	channels := make(map[string]*channel, len(list))
	for name, v := range list {
		c, err := newChannel(name, v)
		if err != nil {
			return err
		}
		channels[name] = c
	}
	b.channels = channels
	return nil
}

// Invoke carries out send.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if req.Op != "send" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the shoutrrr backend has no op %q", req.Op).WithHint("it has send")
	}
	to, _ := req.Args["to"].(string)
	c, ok := b.channels[to]
	if !ok {
		return nil, b.unknown(to)
	}
	text, _ := req.Args["text"].(string)
	title, _ := req.Args["title"].(string)
	if strings.TrimSpace(text) == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "send to %s: the message is empty", to)
	}
	if err := ctx.Err(); err != nil {
		return nil, effect.Errorf(effect.CodeUnavailable, "send to %s: given up before anything was sent: %v", to, context.Cause(ctx))
	}
	if err := c.send(ctx, text, title); err != nil {
		return nil, err
	}
	return map[string]any{"sent": true}, nil
}

// Health only says whether there are channels: the one way to find out
// whether a service takes messages is to send it one.
func (b *Backend) Health(context.Context) error {
	if len(b.channels) == 0 {
		return effect.Errorf(effect.CodeInvalid, "the shoutrrr backend is not configured")
	}
	return nil
}

// Preview says where a message would go.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	to, _ := req.Args["to"].(string)
	c, ok := b.channels[to]
	if !ok {
		return effect.Prediction{}, b.unknown(to)
	}
	text, _ := req.Args["text"].(string)
	return effect.Prediction{Target: fmt.Sprintf("channel %s (%s)", to, c.service), To: text}, nil
}

func (b *Backend) unknown(name string) *effect.Error {
	names := make([]string, 0, len(b.channels))
	for n := range b.channels {
		names = append(names, n)
	}
	slices.Sort(names)
	err := effect.Errorf(effect.CodeNotFound, "no channel %q is configured", name)
	if len(names) == 0 {
		return err.WithHint("the shoutrrr backend is not configured")
	}
	return err.WithHint("%s", effect.Among("known: ", name, names))
}

// params returns what the library calls the parameters of a message. A line
// break in a title would end a mail's header, so there is none.
func params(title string) types.Params {
	p := types.Params{}
	if title = strings.Join(strings.Fields(title), " "); title != "" {
		p.SetTitle(title)
	}
	return p
}
