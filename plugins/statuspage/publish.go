package statuspage

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

const (
	titleLimit = 255   // of an incident's name, in characters
	textLimit  = 25000 // of an update, in characters
	resolved   = "resolved"
	opening    = "investigating" // where a call that opens one does not say

	lookFor = 5 * time.Second // how long a text is given to show that may be on its way
	between = time.Second
)

// publish is notify.publish.
func (b *Backend) publish(ctx context.Context, p *page, req plugins.Request) (map[string]any, *effect.Error) {
	title, text, status := str(req.Args["title"]), str(req.Args["text"]), str(req.Args["status"])
	for _, one := range []struct {
		name, value string
		most        int
	}{{"title", title, titleLimit}, {"text", text, textLimit}} {
		if n := utf8.RuneCountInString(one.value); n > one.most {
			return nil, effect.Errorf(effect.CodeInvalid, "%s has %d characters, and Statuspage takes %d at most; nothing was published", one.name, n, one.most)
		}
	}
	key := keyOf(req)
	found, err := b.find(ctx, p, key)
	if err != nil {
		return nil, err
	}
	if found != nil {
		if before := found.returned(req.Key); before != nil {
			return before, nil
		}
	}
	opens := title != "" && (found == nil || found.Status == resolved)
	switch {
	case opens:
		found = &incident{Status: opening}
	case found == nil:
		return nil, effect.Errorf(effect.CodeNotFound, "%s has no incident with the key %q", p.name, key).
			WithHint("pass on the key that the publish returned which opened it, and the same to; a title opens one")
	case found.Status == resolved && status != "" && status != resolved:
		return nil, effect.Errorf(effect.CodeConflict, "the incident %q of %s (%s) is resolved", key, p.name, found.Name).WithHint("give a title to open a new one")
	}
	states, _ := req.Args["components"].(map[string]any)
	components, err := b.named(ctx, p, states)
	if err != nil {
		return nil, err
	}
	left := status
	if left == "" {
		left = found.Status
	}
	quiet, _ := req.Args["quiet"].(bool)
	content := map[string]any{"body": text, "metadata": found.marked(key, req.Key, left, opens), "deliver_notifications": !quiet}
	if opens {
		content["name"], content["status"] = title, left
	} else if status != "" { // otherwise it stays as it is, whatever it is by now
		content["status"] = status
	}
	if impact := str(req.Args["impact"]); impact != "" {
		content["impact_override"] = impact
	}
	if len(components) > 0 {
		content["components"], content["component_ids"] = components, slices.Sorted(maps.Keys(components))
	}
	method, path, what := http.MethodPost, "incidents", "the new incident on "+p.name
	if !opens {
		method, path, what = http.MethodPatch, "incidents/"+url.PathEscape(found.ID), "the update of the incident "+key+" on "+p.name
	}
	written, err := b.change(ctx, p, method, path, what, content)
	if err != nil {
		return nil, err
	}
	out := written.returned(req.Key)
	if out == nil || status != "" && written.Status != status {
		return nil, effect.Errorf(effect.CodeUnknown, "%s was answered as taken, and what Statuspage has now is not that: status %s", what, written.Status).
			WithHint("look at the page; somebody may have changed the incident at the same time")
	}
	return out, nil
}

// published returns what an effect has published returns, nil if it certainly has
// not: a text that may be on its way is given time to show.
func (b *Backend) published(ctx context.Context, p *page, req plugins.Request) (map[string]any, *effect.Error) {
	for waited := time.Duration(0); ; waited += between {
		found, err := b.find(ctx, p, keyOf(req))
		if err != nil {
			return nil, err
		}
		if found != nil {
			if out := found.returned(req.Key); out != nil {
				return out, nil
			}
		}
		if waited >= lookFor {
			return nil, nil
		}
		if b.sleep(ctx, between); ctx.Err() != nil {
			return nil, effect.Errorf(effect.CodeTimeout, "the question whether it was published was canceled: %v", context.Cause(ctx))
		}
	}
}

// keyOf returns the key of the incident that a call is about.
func keyOf(req plugins.Request) string {
	if key := str(req.Args["key"]); key != "" {
		return key
	}
	return req.Key
}
