package alertmanager

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// do sends one request. failure is for one without an answer.
func (b *Backend) do(ctx context.Context, method, path string, query url.Values, body []byte) (*post.Answer, *post.Failure) {
	to := *b.address
	to.Path += path
	to.RawQuery = query.Encode()
	header := http.Header{"Accept": {"application/json"}}
	if b.token != "" {
		header.Set("Authorization", "Bearer "+b.token)
	}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	return b.client.Do(ctx, method, &to, header, body)
}

// get reads something; nil if the server knows of none.
func (b *Backend) get(ctx context.Context, path string, query url.Values) ([]byte, *effect.Error) {
	answer, failure := b.do(ctx, http.MethodGet, path, query, nil)
	if failure != nil {
		return nil, failure.Error()
	}
	switch {
	case answer.Status == http.StatusOK:
		return answer.Body, nil
	case answer.Status == http.StatusNotFound && path != statusPath && path != alertsPath && path != silencesPath:
		return nil, nil
	}
	return nil, b.refused("GET", path, answer)
}

// read decodes what get returned.
func (b *Backend) read(ctx context.Context, path string, query url.Values, into any) (found bool, err *effect.Error) {
	body, err := b.get(ctx, path, query)
	if err != nil || body == nil {
		return false, err
	}
	if e := json.Unmarshal(body, into); e != nil {
		return false, b.nonsense(path, e.Error())
	}
	return true, nil
}

// nonsense is the error of an answer that is none of Alertmanager's.
func (b *Backend) nonsense(path, why string) *effect.Error {
	return effect.Errorf(effect.CodeFailed, "ask %s for %s: the answer is not what Alertmanager says: %s", b.address, path, why).
		WithHint("check that %s is an Alertmanager, path prefix included", b.address)
}

// refused is the error of an answer that is none of the expected ones.
func (b *Backend) refused(method, path string, a *post.Answer) *effect.Error {
	what := method + " " + b.address.String() + path + ": " + post.StatusName(a.Status)
	if text := a.Excerpt(); text != "" {
		what += ": " + text
	}
	switch {
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return effect.Errorf(effect.CodeRefused, "%s", what).WithHint("check the token in the configuration of alertmanager")
	case a.Status == http.StatusNotFound || a.Status/100 == 3:
		return effect.Errorf(effect.CodeRefused, "%s", what).WithHint("check that %s is an Alertmanager with the API v2, path prefix included", b.address)
	case a.Status/100 == 5:
		e := effect.Errorf(effect.CodeUnavailable, "%s", what).WithHint("see the log of Alertmanager")
		e.Retryable = true
		return e
	}
	return effect.Errorf(effect.CodeRefused, "%s", what).WithHint("see the log of Alertmanager")
}

// Paths of the API.
const (
	statusPath   = "/api/v2/status"
	alertsPath   = "/api/v2/alerts"
	silencesPath = "/api/v2/silences"
	silencePath  = "/api/v2/silence/"
)
