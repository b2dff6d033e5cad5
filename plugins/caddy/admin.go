package caddy

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

const (
	// tries is how often a request is made whose connection breaks: Caddy opens its
	// admin API anew with each change of its configuration, and drops connections
	// that it has not taken yet. Between two there is a pause, and none after a wait.
	tries   = 5
	between = 20 * time.Millisecond
	wait    = time.Second
)

// admin is Caddy's admin API.
type admin struct {
	client *post.Client
	to     *url.URL
}

// at returns the address of something in the configuration.
func (a *admin) at(path string) *url.URL {
	return &url.URL{Scheme: a.to.Scheme, Host: a.to.Host, Path: path}
}

// ask makes a request. Where its connection breaks it is made again: one that reads,
// and one of which nothing was sent.
func (a *admin) ask(ctx context.Context, method, path string, header http.Header, body []byte) (*post.Answer, *post.Failure) {
	began := time.Now()
	for n := 1; ; n++ {
		answer, failure := a.client.Do(ctx, method, a.at(path), header, body)
		if failure == nil || failure.Sent && method != http.MethodGet || failure.Error().Code != effect.CodeUnavailable || n == tries || time.Since(began) > wait {
			return answer, failure
		}
		select {
		case <-ctx.Done():
			return answer, failure
		case <-time.After(between):
		}
	}
}

// handler reads the handler of a pool.
func (a *admin) handler(ctx context.Context, p *pool) (*handler, error) {
	answer, failure := a.ask(ctx, http.MethodGet, p.at, nil, nil)
	if failure != nil {
		e := failure.Error()
		e.Message = "pool " + p.name + ": " + e.Message
		return nil, e
	}
	if answer.Status != http.StatusOK {
		return nil, p.unread(answer)
	}
	path, ok := pathOf(answer.Header.Get("Etag"))
	if !ok {
		return nil, effect.Errorf(effect.CodeFailed, "pool %s: %s answered without the tag of its configuration by which a change can be made safely (Etag: %q)", p.name, a.to, answer.Header.Get("Etag")).
			WithHint("see that Caddy listens there, 2.10 or newer, with nothing in between; names in the path to the handler must not have spaces")
	}
	h, err := parseHandler(p, answer.Body)
	if err != nil {
		return nil, err
	}
	h.path, h.tag = path, answer.Header.Get("Etag")
	return h, nil
}

// pathOf reads the path out of a tag, "/config/… 1f2e3d".
func pathOf(tag string) (string, bool) {
	inner, quoted := strings.CutPrefix(tag, `"`)
	parts := strings.Fields(strings.TrimSuffix(inner, `"`))
	if !quoted || len(parts) != 2 || !strings.HasPrefix(parts[0], "/config/") {
		return "", false
	}
	return parts[0], true
}

// replace sets the policy of a handler that is still as it was read.
func (a *admin) replace(ctx context.Context, h *handler, policy json.RawMessage) (*post.Answer, *post.Failure) {
	method := http.MethodPut // of what is not there
	if h.raw != nil {
		method = http.MethodPatch
	}
	return a.ask(ctx, method, h.path+"/load_balancing/selection_policy",
		http.Header{"Content-Type": {"application/json"}, "If-Match": {h.tag}}, policy)
}

// said returns what Caddy gives as the reason of a refusal, if it was Caddy.
func said(answer *post.Answer) (string, bool) {
	var body struct {
		Error string `json:"error"`
	}
	err := json.Unmarshal(answer.Body, &body)
	return body.Error, err == nil && body.Error != ""
}

// unread explains an answer that is no handler.
func (p *pool) unread(answer *post.Answer) error {
	why, ok := said(answer)
	switch {
	case !ok:
		return effect.Errorf(effect.CodeFailed, "pool %s: %s answered with %s: %s", p.name, answer.Address, post.StatusName(answer.Status), answer.Excerpt()).
			WithHint("see that `address` in the configuration of the backend is Caddy's admin API")
	case answer.Status == http.StatusForbidden:
		return effect.Errorf(effect.CodeRefused, "pool %s: Caddy's admin API refuses: %s", p.name, why).
			WithHint("`address` has to be written as `listen` or `origins` under `admin` of Caddy's configuration have it, and `enforce_origin` has to be off")
	}
	return effect.Errorf(effect.CodeNotFound, "pool %s: Caddy's configuration has nothing at %s: %s", p.name, p.handler, why).
		WithHint(`give the reverse_proxy handler that "@id", or write its path as ` + "`handler` in the configuration of the backend; a Caddyfile that was loaded since has taken every @id away")
}
