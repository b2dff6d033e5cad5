package pinning

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// States of a request, by the API's words.
const (
	queued  = "queued"
	pinning = "pinning"
	pinned  = "pinned"
	failed  = "failed"
	any4    = queued + "," + pinning + "," + pinned + "," + failed
)

// pageSize is how many requests are read at once; the API's most.
const pageSize = 1000

// pinRequest is a request for a pin as the service tells it.
type pinRequest struct {
	ID      string            `json:"requestid"`
	Status  string            `json:"status"`
	Created string            `json:"created"`
	Pin     pin               `json:"pin"`
	Info    map[string]string `json:"info"`
}

// pin is what a request asks for.
type pin struct {
	CID     string   `json:"cid"`
	Name    string   `json:"name,omitempty"`
	Origins []string `json:"origins,omitempty"`
}

// detail is what the service says beside the status; "" for nothing.
func (c *call) detail(r pinRequest) string { return c.oneLine(r.Info["status_details"]) }

// call is one op under way at a service.
type call struct {
	*settings
	*service
	ctx    context.Context
	args   map[string]any
	show   func(string)
	writes bool
	limit  time.Duration // how long all of it may take

	changed bool // whether the service has taken a change
}

func newCall(ctx context.Context, s *settings, to *service, req plugins.Request, op *effect.Op) (*call, context.CancelFunc) {
	c := &call{settings: s, service: to, args: req.Args, show: req.Progress, writes: op.Class.Writes(), limit: op.Timeout}
	if seconds, given := req.Args["timeout"].(float64); given {
		c.limit = effect.Seconds(seconds)
	}
	if c.limit <= 0 {
		c.limit = time.Minute
	}
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithTimeout(ctx, c.limit)
	return c, cancel
}

// ask sends one request below /pins and reads the answer into v, unless that is
// nil. changes says that it is to change something. gone reports that the
// service knows nothing of that name.
func (c *call) ask(method, path string, q url.Values, body, v any, changes bool) (gone bool, e *effect.Error) {
	to := *c.url
	to.Path += "/pins" + path
	to.RawQuery = q.Encode()
	header := http.Header{"Authorization": {"Bearer " + c.token}, "Accept": {"application/json"}}
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return false, effect.Errorf(effect.CodeInternal, "%v", err)
		}
		header.Set("Content-Type", "application/json")
	}
	a, f := c.client.Do(c.ctx, method, &to, header, data)
	again := "the call is sent again, which does no harm: it finds what is there"
	switch {
	case f != nil && changes:
		return false, f.Write(again)
	case f != nil:
		return false, f.Error()
	case a.Status == http.StatusNotFound && path != "":
		return true, nil
	case a.Status/100 != 2:
		return false, c.refused(method, a.Status, a.Body, a.Excerpt(), changes)
	}
	c.changed = c.changed || changes
	if v == nil {
		return false, nil
	}
	if err := json.Unmarshal(a.Body, v); err != nil {
		e := effect.Errorf(effect.CodeFailed, "%s was asked to %s pins, and its answer is none of the API's: %v", c.service, method, err).
			WithHint("check url in the configuration of pinning: something else seems to answer there")
		if changes {
			e.Code, e.Message = effect.CodeUnknown, e.Message+"; it is not known whether it was taken"
		}
		return false, e
	}
	return false, nil
}

// refused explains an answer that is no success.
func (c *call) refused(method string, status int, body []byte, excerpt string, changes bool) *effect.Error {
	var told struct {
		Error struct{ Reason, Details string } `json:"error"`
	}
	why := excerpt
	if json.Unmarshal(body, &told) == nil && told.Error.Reason != "" {
		why = strings.TrimSpace(told.Error.Reason + " " + told.Error.Details)
	}
	unchanged := ""
	if changes && !c.changed {
		unchanged = "; nothing changed"
	}
	message := func(end string) string {
		text := c.String() + " answered " + method + " with " + http.StatusText(status)
		if why = c.oneLine(why); why != "" {
			text += ": " + why
		}
		return text + end
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return effect.Errorf(effect.CodeRefused, "%s", message(unchanged)).WithHint("check token in the configuration of pinning, and what it may do")
	case status == http.StatusConflict:
		return effect.Errorf(effect.CodeRefused, "%s", message(unchanged)).WithHint("the account has no funds or no room left: see the service's own pages")
	case status == http.StatusTooManyRequests:
		e := effect.Errorf(effect.CodeRefused, "%s", message(unchanged)).WithHint("try again later, or look less often: every in the configuration of pinning")
		e.Retryable = true
		return e
	case status == http.StatusBadRequest:
		return effect.Errorf(effect.CodeInvalid, "%s", message(unchanged)).WithHint("check the CID: it stands alone (Qm… or baf…), without a path and /ipfs/ before it")
	case status == http.StatusNotFound:
		return effect.Errorf(effect.CodeRefused, "%s", message(unchanged)).WithHint("check url in the configuration of pinning: there is no /pins below it")
	case status >= 500 && changes:
		return effect.Errorf(effect.CodeUnknown, "%s", message("; it is not known whether it was taken")).WithHint("the call is sent again, which does no harm; see the service's own pages")
	case status >= 500:
		e := effect.Errorf(effect.CodeUnavailable, "%s", message("")).WithHint("see the service's own pages")
		e.Retryable = true
		return e
	}
	return effect.Errorf(effect.CodeRefused, "%s", message(unchanged)).WithHint("see what the service's documentation says of it")
}

// page reads requests, newest first, and how many the service says there are.
func (c *call) page(q url.Values) ([]pinRequest, int, *effect.Error) {
	var list struct {
		Count   *int         `json:"count"`
		Results []pinRequest `json:"results"`
	}
	if _, e := c.ask(http.MethodGet, "", q, nil, &list, false); e != nil {
		return nil, 0, e
	}
	if list.Count == nil {
		return nil, 0, effect.Errorf(effect.CodeFailed, "%s listed pins without saying how many: that is no answer of the API", c.service).
			WithHint("check url in the configuration of pinning: something else seems to answer there")
	}
	return list.Results, *list.Count, nil
}

// query returns the parameters of a request: name, value, …
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return q
}

// oneLine returns what a service wrote, on one line, without our token.
func (s *service) oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(s.scrub.Cut(text), "\uFFFD")), " ")
	if runes := []rune(text); len(runes) > 300 {
		return string(runes[:300]) + "…"
	}
	return text
}
