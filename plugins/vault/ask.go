package vault

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// spare is how long before its end a token is not used any more.
const spare = 10 * time.Second

// session is a token that a role has got.
type session struct {
	token string
	ends  time.Time // zero if it does not
}

// question is one request.
type question struct {
	method, path string
	query        url.Values
	body         any    // nil for none
	what         string // it is for, in errors: "read db/app"
	may          string // what the token needs: "read on secret/data/db/app"
	hint         string // what to do where the outcome of a write is unknown; "" for a read
	anonymous    bool   // without a token
	token        string // instead of the one that the backend has; "" for that
}

// ask sends a question with a token, and decodes the answer, whose status is 200
// or 204, or one of those that are expected beside these. A token that the server
// has forgotten is got anew, once: what it refused was not carried out.
func (b *Backend) ask(ctx context.Context, q question, into any, expected ...int) (int, *effect.Error) {
	for again := false; ; again = true {
		token := q.token
		if !q.anonymous && token == "" {
			var e *effect.Error
			if token, e = b.login(ctx, again); e != nil {
				return 0, e
			}
		}
		answer, e := b.send(ctx, q, token)
		if e != nil {
			return 0, e
		}
		if answer.Status == http.StatusForbidden && b.settings.token == "" && !q.anonymous && q.token == "" && !again {
			continue
		}
		if answer.Status != http.StatusOK && answer.Status != http.StatusNoContent && !slices.Contains(expected, answer.Status) {
			return 0, b.refused(q, answer)
		}
		if into == nil || answer.Status == http.StatusNoContent {
			return answer.Status, nil
		}
		if err := json.Unmarshal(answer.Body, into); err != nil {
			e := effect.Errorf(effect.CodeFailed, "%s: the answer of %s is none of Vault: %s", q.what, b.settings.address.Host, post.StatusName(answer.Status))
			if q.hint != "" {
				return 0, effect.Errorf(effect.CodeUnknown, "%s; it is not known whether it was done", e.Message).WithHint("%s", q.hint)
			}
			return 0, e.WithHint("check the address, and what is between here and there")
		}
		return answer.Status, nil
	}
}

func (b *Backend) send(ctx context.Context, q question, token string) (*post.Answer, *effect.Error) {
	to := *b.settings.address
	to.Path += "/v1/" + q.path
	to.RawQuery = q.query.Encode()
	header := http.Header{"X-Vault-Request": {"true"}}
	if token != "" {
		header.Set("X-Vault-Token", token)
	}
	if b.settings.namespace != "" && !q.anonymous {
		header.Set("X-Vault-Namespace", b.settings.namespace)
	}
	var body []byte
	if q.body != nil {
		var err error
		if body, err = json.Marshal(q.body); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: it cannot be written as JSON", q.what)
		}
		header.Set("Content-Type", "application/json")
	}
	answer, failure := b.settings.client.Do(ctx, q.method, &to, header, body)
	switch {
	case failure == nil:
		return answer, nil
	case q.hint != "":
		return nil, about(q.what, failure.Write(q.hint))
	}
	return nil, about(q.what, failure.Error())
}

// about puts in front of an error what was tried.
func about(what string, e *effect.Error) *effect.Error {
	e.Message = what + ": " + e.Message
	return e
}

// login returns the token, by the role if there is none. anew says that the one
// before was refused.
func (b *Backend) login(ctx context.Context, anew bool) (string, *effect.Error) {
	if b.settings.token != "" {
		return b.settings.token, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); b.token.token != "" && !anew && (b.token.ends.IsZero() || now.Before(b.token.ends)) {
		return b.token.token, nil
	}
	var got struct {
		Auth struct {
			Token    string `json:"client_token"`
			Duration int    `json:"lease_duration"` // in seconds; 0 for a token that does not end
		}
	}
	path := "auth/" + b.settings.login + "/login"
	began := time.Now()
	answer, e := b.send(ctx, question{method: http.MethodPost, path: path, what: "log in as the role " + b.settings.roleID,
		body: map[string]string{"role_id": b.settings.roleID, "secret_id": b.settings.secretID}}, "")
	if e != nil {
		return "", e
	}
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &got) != nil || got.Auth.Token == "" {
		return "", effect.Errorf(effect.CodeRefused, "log in as the role %s at %s: %s: %s", b.settings.roleID, path, post.StatusName(answer.Status), reasons(answer)).
			WithHint("check role_id and secret_id, whether the secret id has expired or was used up, and where AppRole is mounted: `login`")
	}
	b.token = session{token: got.Auth.Token}
	if got.Auth.Duration > 0 {
		b.token.ends = began.Add(time.Duration(got.Auth.Duration)*time.Second - spare)
	}
	return b.token.token, nil
}

// refused is the error of an answer that is none of the expected ones. Whatever
// was asked for was not done.
func (b *Backend) refused(q question, a *post.Answer) *effect.Error {
	text := q.what + ": " + b.settings.address.Host + " answered " + post.StatusName(a.Status)
	if why := reasons(a); why != "" {
		text += ": " + why
	}
	switch {
	case a.Status == http.StatusForbidden:
		return effect.Errorf(effect.CodeRefused, "%s", text).
			WithHint("check that the token has not expired, and that a policy of it has: %s", q.may)
	case a.Status == http.StatusServiceUnavailable || a.Status == http.StatusTooManyRequests:
		e := effect.Errorf(effect.CodeUnavailable, "%s", text).WithHint("unseal it, if it is sealed; see its log")
		e.Retryable = true
		return e
	case a.Status/100 == 3:
		return effect.Errorf(effect.CodeRefused, "%s, which leads to %q", text, host(a.Header.Get("Location"))).
			WithHint("name the active server, or the address that stands before the cluster, as `address`")
	case a.Status/100 == 5 && q.hint != "":
		return effect.Errorf(effect.CodeUnknown, "%s; it is not known whether it was done", text).WithHint("%s", q.hint)
	case a.Status/100 == 5:
		e := effect.Errorf(effect.CodeUnavailable, "%s", text).WithHint("see the server's log")
		e.Retryable = true
		return e
	}
	return effect.Errorf(effect.CodeRefused, "%s", text).WithHint("see the server's log; check address, namespace and mount in the configuration of the backend")
}

// reasons returns what a server says of itself in an error. Nothing else of an
// answer is shown: it may hold secrets.
func reasons(a *post.Answer) string {
	var said struct{ Errors, Warnings []string }
	if json.Unmarshal(a.Body, &said) != nil {
		return ""
	}
	return strings.Join(strings.Fields(strings.Join(append(said.Errors, said.Warnings...), "; ")), " ")
}

func host(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	return u.Host
}
