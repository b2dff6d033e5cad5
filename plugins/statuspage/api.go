package statuspage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

const (
	statusTooManyOld = 420 // what Statuspage answers beside 429
	tries            = 3   // of a request that Statuspage is too busy for
	longestPause     = 5 * time.Second
)

// ask reads something of a page into a value. good reports whether it holds what
// was asked for.
func (b *Backend) ask(ctx context.Context, p *page, what, path string, query url.Values, into any, good func() bool) *effect.Error {
	answer, f := b.do(ctx, p, http.MethodGet, path, query, nil)
	switch {
	case f != nil:
		return f.Error()
	case answer.Status != http.StatusOK:
		return refusal(what, answer)
	case json.Unmarshal(answer.Body, into) != nil || !good():
		return rubbish(what, answer)
	}
	return nil
}

// change sends an incident and reads it back from the answer.
func (b *Backend) change(ctx context.Context, p *page, method, path, what string, content map[string]any) (*incident, *effect.Error) {
	body, err := json.Marshal(map[string]any{"incident": content})
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be written as JSON: %v", what, err)
	}
	const look = "the run asks the page for it; look there if it goes on asking"
	answer, f := b.do(ctx, p, method, path, nil, body)
	switch {
	case f != nil:
		return nil, f.Write(look)
	case answer.Status >= 500 || answer.Status == http.StatusRequestTimeout:
		e := refusal(what, answer)
		return nil, effect.Errorf(effect.CodeUnknown, "%s; it is not known whether it was published", e.Message).WithHint("%s", look)
	case answer.Status >= 300:
		return nil, refusal(what, answer)
	}
	var written incident
	if json.Unmarshal(answer.Body, &written) != nil || written.ID == "" {
		e := rubbish(what, answer)
		return nil, effect.Errorf(effect.CodeUnknown, "%s; it is not known whether it was published", e.Message).WithHint("%s", e.Hint)
	}
	return &written, nil
}

// do sends one request. What Statuspage refuses because too much is asked of it is
// sent again soon: it took nothing of it.
func (b *Backend) do(ctx context.Context, p *page, method, path string, query url.Values, body []byte) (*post.Answer, *post.Failure) {
	to := b.settings.api.JoinPath("pages", p.id, path)
	to.RawQuery = query.Encode()
	header := http.Header{"Authorization": {"OAuth " + p.token}}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	for try := 1; ; try++ {
		answer, f := b.settings.client.Do(ctx, method, to, header, body)
		if f != nil || !tooMany(answer.Status) || try == tries || ctx.Err() != nil {
			return answer, f
		}
		pause := time.Duration(try) * time.Second
		if s, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && s > 0 {
			pause = min(time.Duration(s)*time.Second, longestPause)
		}
		b.sleep(ctx, pause)
	}
}

func tooMany(status int) bool {
	return status == http.StatusTooManyRequests || status == statusTooManyOld
}

// refusal says what a status other than 2xx means: nothing was changed.
func refusal(what string, a *post.Answer) *effect.Error {
	e := effect.Errorf(effect.CodeRefused, "%s (%s) was answered %s%s", what, a.Address, post.StatusName(a.Status), said(a))
	switch {
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return e.WithHint("check token of this page in the configuration of statuspage: an API key of a user who may write incidents of it")
	case a.Status == http.StatusNotFound:
		return e.WithHint("check page (its ID) and api in the configuration of statuspage")
	case tooMany(a.Status):
		e.Retryable = true
		return e.WithHint("Statuspage takes about one request a second of each token: ask less often, or again in a minute")
	case a.Status >= 500:
		e.Code, e.Retryable = effect.CodeFailed, true
		return e.WithHint("see metastatuspage.com, or the proxy on the way")
	}
	return e.WithHint("Statuspage does not take it as it is; see what it says, and api in the configuration of statuspage")
}

// rubbish is an answer that is none of the API.
func rubbish(what string, a *post.Answer) *effect.Error {
	return effect.Errorf(effect.CodeFailed, "%s (%s) was answered %s, but not as Statuspage does: %s", what, a.Address, post.StatusName(a.Status), a.Excerpt()).
		WithHint("check api in the configuration of statuspage: something else seems to answer there")
}

// said returns what Statuspage says about a failure, ": …".
func said(a *post.Answer) string {
	var body struct {
		Error any `json:"error"` // a text, or a list of them
	}
	text := a.Excerpt()
	if json.Unmarshal(a.Body, &body) == nil {
		switch reasons := body.Error.(type) {
		case string:
			text = reasons
		case []any:
			var all []string
			for _, reason := range reasons {
				all = append(all, fmt.Sprint(reason))
			}
			text = strings.Join(all, "; ")
		}
	}
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	if text == "" {
		return ""
	}
	return ": " + text
}
