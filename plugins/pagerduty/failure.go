package pagerduty

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// eventFailure says what a status other than 202 of the Events API means.
func eventFailure(e *event, a *post.Answer) *effect.Error {
	message := fmt.Sprintf("%s of %q by the Events API (%s) was answered %s%s", e.Action, e.DedupKey, a.Address, post.StatusName(a.Status), said(a))
	switch {
	case a.Status == http.StatusTooManyRequests:
		failure := effect.Errorf(effect.CodeRefused, "%s; nothing changed", message).
			WithHint("the service gets more events than PagerDuty takes: send fewer, or again after some time")
		failure.Retryable = true
		return failure
	case a.Status >= 500 || a.Status == http.StatusRequestTimeout:
		failure := effect.Errorf(effect.CodeFailed, "%s", message).
			WithHint("it may be sent again, its key makes it the same page; see status.pagerduty.com, or the proxy on the way")
		failure.Retryable = true
		return failure
	case a.Status == http.StatusBadRequest, a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return effect.Errorf(effect.CodeRefused, "%s; nothing changed", message).
			WithHint("check the routing_key of this service in the configuration of pagerduty: it is the key of an integration \"Events API v2\", no key of the REST API")
	}
	return effect.Errorf(effect.CodeFailed, "%s", message).
		WithHint("check events in the configuration of pagerduty: that is not how its Events API answers")
}

// apiFailure says what a status other than 2xx of the REST API means.
func apiFailure(what string, a *post.Answer) *effect.Error {
	message := fmt.Sprintf("%s by the REST API (%s) was answered %s%s", what, a.Address, post.StatusName(a.Status), said(a))
	e := effect.Errorf(effect.CodeRefused, "%s", message)
	switch {
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return e.WithHint("check api_token in the configuration of pagerduty: a key of the REST API of this account (and api, for accounts in the EU)")
	case a.Status == http.StatusTooManyRequests:
		e.Retryable = true
		return e.WithHint("the account asks more than its rate limit allows: ask less often (every), or again in a minute")
	case a.Status >= 500:
		e.Code, e.Retryable = effect.CodeFailed, true
		return e.WithHint("see status.pagerduty.com, or the proxy on the way")
	}
	return e.WithHint("check api in the configuration of pagerduty, and what is asked")
}

// rubbish is an answer that is none of the REST API.
func rubbish(what string, a *post.Answer) *effect.Error {
	return effect.Errorf(effect.CodeFailed, "%s (%s) was answered %s, but not as PagerDuty does: %s", what, a.Address, post.StatusName(a.Status), a.Excerpt()).
		WithHint("check api in the configuration of pagerduty: something else seems to answer there")
}

// said returns what PagerDuty says about a failure, ": …".
func said(a *post.Answer) string {
	type reason struct {
		Message string `json:"message"`
		Errors  any    `json:"errors"` // a list, or a text
	}
	var body struct {
		reason
		Error *reason `json:"error"` // of the REST API
	}
	if json.Unmarshal(a.Body, &body) != nil {
		if text := a.Excerpt(); text != "" {
			return ": " + text
		}
		return ""
	}
	r := body.reason
	if body.Error != nil {
		r = *body.Error
	}
	parts := []string{r.Message}
	switch errors := r.Errors.(type) {
	case string:
		parts = append(parts, errors)
	case []any:
		for _, e := range errors {
			parts = append(parts, fmt.Sprint(e))
		}
	}
	text := strings.Trim(strings.Join(parts, "; "), "; ")
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	if text == "" {
		return ""
	}
	return ": " + text
}
