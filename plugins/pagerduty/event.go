package pagerduty

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

const (
	keyLimit     = 255  // of a dedup_key, in characters
	summaryLimit = 1024 // of a summary, in characters
	eventLimit   = 512 << 10
	tries        = 3 // of an event that PagerDuty is too busy for
	longestPause = 5 * time.Second
)

// event is one of the Events API v2.
type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"` // trigger, acknowledge, resolve
	DedupKey   string   `json:"dedup_key"`
	Client     string   `json:"client,omitempty"`
	Links      []link   `json:"links,omitempty"`
	Payload    *payload `json:"payload,omitempty"` // of a trigger
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type payload struct {
	Summary  string            `json:"summary"`
	Source   string            `json:"source"`
	Severity string            `json:"severity"`
	Details  map[string]string `json:"custom_details,omitempty"`
}

// newTrigger makes the event of a page.
func newTrigger(s *service, key, text, severity string, details map[string]any, run string) *event {
	e := &event{RoutingKey: s.routingKey, Action: "trigger", DedupKey: key, Client: "runbook",
		Payload: &payload{Summary: text, Source: s.source, Severity: severity, Details: map[string]string{"run": run}}}
	if r := []rune(text); len(r) > summaryLimit {
		e.Payload.Summary, e.Payload.Details["text"] = string(r[:summaryLimit-1])+"…", text
	}
	for name, v := range details {
		value := str(v)
		e.Payload.Details[name] = value
		if u, err := url.Parse(value); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			e.Links = append(e.Links, link{value, name})
		}
	}
	slices.SortFunc(e.Links, func(a, b link) int {
		if a.Text < b.Text {
			return -1
		}
		return 1
	})
	return e
}

// send hands an event over. What PagerDuty is too busy for, or fails at, is
// sent again soon: the key makes it the same event.
func (b *Backend) send(ctx context.Context, e *event, progress func(string)) *effect.Error {
	body, err := json.Marshal(e)
	if err != nil {
		return effect.Errorf(effect.CodeInvalid, "the event cannot be written as JSON: %v", err)
	}
	if len(body) > eventLimit {
		return effect.Errorf(effect.CodeInvalid, "the event has %d bytes, and PagerDuty takes %d at most", len(body), eventLimit).
			WithHint("say less in text and details; name where the rest is")
	}
	to := b.settings.events.JoinPath("v2", "enqueue")
	for try := 1; ; try++ {
		answer, f := b.settings.client.Do(ctx, http.MethodPost, to, http.Header{"Content-Type": {"application/json"}}, body)
		if f != nil {
			return f.Write("the same event may be sent again: its key makes it the same page; see whether the incident is there")
		}
		if answer.Status == http.StatusAccepted {
			return checkAccepted(answer)
		}
		failure := eventFailure(e, answer)
		if !failure.Retryable || try == tries {
			return failure
		}
		pause := time.Duration(try) * time.Second
		if s, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && s > 0 {
			pause = min(time.Duration(s)*time.Second, longestPause)
		}
		progress("PagerDuty answers " + post.StatusName(answer.Status) + "; the event is sent again in " + effect.FormatDuration(pause))
		if b.sleep(ctx, pause); ctx.Err() != nil {
			return failure
		}
	}
}

// checkAccepted holds a 202 against what PagerDuty says with it: something
// else that answers so would leave everybody asleep.
func checkAccepted(a *post.Answer) *effect.Error {
	var said struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(a.Body, &said) == nil && said.Status == "success" {
		return nil
	}
	return effect.Errorf(effect.CodeFailed, "%s answers 202 Accepted, but not as PagerDuty does: %s", a.Address, a.Excerpt()).
		WithHint("check events in the configuration of pagerduty: nobody may have been called")
}
