package pagerduty

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

const (
	lookFor = 5 * time.Second // how long an event is given to show at its incident
	between = 250 * time.Millisecond
)

// page is notify.page.
func (b *Backend) page(ctx context.Context, s *service, req plugins.Request) (map[string]any, *effect.Error) {
	key := str(req.Args["key"])
	own := key == ""
	if own {
		key = req.Key
	}
	if n := utf8.RuneCountInString(key); n > keyLimit {
		return nil, effect.Errorf(effect.CodeInvalid, "key has %d characters, and PagerDuty takes %d at most", n, keyLimit)
	}
	out := map[string]any{"key": key}
	if own && req.Attempt > 1 && b.settings.token != "" {
		// An incident with this effect's own key is its own. If that cannot be
		// asked, calling someone twice is better than calling nobody.
		if found, err := b.find(ctx, s, key); err == nil && found != nil {
			out["status"] = found.Status
			return out, nil
		}
	}
	details, _ := req.Args["details"].(map[string]any)
	e := newTrigger(s, key, str(req.Args["text"]), str(req.Args["severity"]), details, req.Run)
	if err := b.send(ctx, e, req.Progress); err != nil {
		return nil, err
	}
	if found := b.look(ctx, s, key, req.Progress, func(i *incident) bool { return i.Status != "resolved" }); found != nil {
		out["status"] = found.Status
	}
	return out, nil
}

// acknowledged is notify.acknowledged.
func (b *Backend) acknowledged(ctx context.Context, s *service, req plugins.Request) (map[string]any, *effect.Error) {
	if b.settings.token == "" {
		return nil, noToken("acknowledged")
	}
	key := str(req.Args["key"])
	found, err := b.find(ctx, s, key)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, none(s, key)
	}
	out := map[string]any{"acknowledged": found.Status != "triggered", "status": found.Status}
	if found.Status == "triggered" {
		return out, nil
	}
	by, at, err := b.answer(ctx, found)
	switch {
	case err != nil: // that someone has it is worth more than who
		req.Progress("who took it on is not known: " + b.settings.scrub.Text(err.Message))
	case by != "":
		out["by"], out["at"] = by, float64(at.UnixMilli())/1000
	}
	return out, nil
}

// update is notify.update. The event goes first: it may be sent twice.
func (b *Backend) update(ctx context.Context, s *service, req plugins.Request) (map[string]any, *effect.Error) {
	key, text, status := str(req.Args["key"]), str(req.Args["text"]), str(req.Args["status"])
	if text != "" {
		if b.settings.token == "" {
			return nil, noToken("the text of update")
		}
		if b.settings.from == "" {
			return nil, effect.Errorf(effect.CodeUnsupported, "from is not configured, and the text of update is noted in a user's name; nothing was sent").
				WithHint("set from in the configuration of pagerduty to the address of a user of the account")
		}
	}
	out := map[string]any{}
	var found *incident
	if b.settings.token != "" {
		var err *effect.Error
		if found, err = b.find(ctx, s, key); err != nil {
			return nil, err
		}
		if found == nil {
			return nil, none(s, key)
		}
		out["status"] = found.Status
	}
	action := map[string]string{"acknowledged": "acknowledge", "resolved": "resolve"}[status]
	if action != "" && (found == nil || found.Status != status && found.Status != "resolved") {
		if err := b.send(ctx, &event{RoutingKey: s.routingKey, Action: action, DedupKey: key}, req.Progress); err != nil {
			return nil, err
		}
		delete(out, "status")
		if seen := b.look(ctx, s, key, req.Progress, func(i *incident) bool { return i.Status == status || i.Status == "resolved" }); seen != nil {
			out["status"] = seen.Status
		}
	}
	if text != "" {
		if err := b.note(ctx, found, text, req.Key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// look waits until an event shows at its incident, which PagerDuty takes some
// time for. It returns nil if there is no token, or if that is not seen: the
// event was taken all the same.
func (b *Backend) look(ctx context.Context, s *service, key string, progress func(string), good func(*incident) bool) *incident {
	if b.settings.token == "" {
		return nil
	}
	why := "no incident shows it after " + effect.FormatDuration(lookFor) + "; an event rule or a maintenance window may hold it back"
	began := time.Now()
	for waited := time.Duration(0); waited < lookFor && time.Since(began) < lookFor; waited += between {
		found, err := b.find(ctx, s, key)
		if err != nil {
			why = b.settings.scrub.Text(err.Message)
			break
		}
		if found != nil && good(found) {
			return found
		}
		if b.sleep(ctx, between); ctx.Err() != nil {
			return nil
		}
	}
	progress("PagerDuty took the event, and " + why)
	return nil
}

func noToken(what string) *effect.Error {
	return effect.Errorf(effect.CodeUnsupported, "api_token is not configured, and %s needs it; nothing was asked or sent", what).
		WithHint("set api_token in the configuration of pagerduty to a key of the REST API")
}

func none(s *service, key string) *effect.Error {
	return effect.Errorf(effect.CodeNotFound, "%s has no page with the key %q", s.name, key).
		WithHint("pass on the key that notify.page returned, and the same to; an event rule may have held the page back")
}
