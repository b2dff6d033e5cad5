package recordset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// API is a service with requests and answers in JSON.
type API struct {
	Title  string // "PowerDNS at http://127.0.0.1:8081"
	Header http.Header
	Secret string // never shown, whoever says it
	// Says finds what the service has to say in an answer's body; "" for
	// nothing.
	Says   func(body []byte) string
	client *post.Client
	base   string
}

// NewAPI returns the service of a backend at an address, without a slash at its
// end. It reads what post.Fields declares.
func NewAPI(backend, name, address string, plain bool, config map[string]any) (*API, error) {
	if err := CheckURL(backend, address, plain); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	client, err := post.New(backend, config)
	if err != nil {
		return nil, err
	}
	return &API{Title: name + " at " + u.Scheme + "://" + u.Host, client: client, base: strings.TrimSuffix(address, "/"), Header: http.Header{}}, nil
}

// CheckURL checks the address of an API, which without TLS is for this machine
// unless plain.
func CheckURL(backend, address string, plain bool) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http" {
		return effect.Errorf(effect.CodeInvalid, "configure %s: url: it is no address of an API", backend).WithHint("write https://host:port, without a password")
	}
	if u.Scheme == "http" && !plain && !post.Loopback(u) {
		return effect.Errorf(effect.CodeInvalid, "configure %s: url: the key would go over the network in clear", backend).
			WithHint("use https, or say allow_http: true where the backend has it and the network is yours")
	}
	return nil
}

// Revealed returns the secret of that name in a configuration.
func Revealed(config map[string]any, name string) string {
	if hidden, ok := config[name].(effect.Secret); ok {
		return hidden.Reveal()
	}
	s, _ := config[name].(string)
	return s
}

// Send sends one request: a path with what it asks for, in escaped form, and a
// body in JSON, nil for none.
func (a *API) Send(ctx context.Context, method, path string, body any) (*post.Answer, *post.Failure, *effect.Error) {
	to, err := url.Parse(a.base + path)
	var text []byte
	if err == nil && body != nil {
		text, err = json.Marshal(body)
	}
	if err != nil {
		return nil, nil, effect.Errorf(effect.CodeInternal, "%s cannot be asked: %v", a.Title, err)
	}
	header := a.Header.Clone()
	header.Set("Accept", "application/json")
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	answer, failure := a.client.Do(ctx, method, to, header, text)
	return answer, failure, nil
}

// Get reads what is at a path into a value; what names it for errors: "the zone
// example.org". There is nothing where it was answered 404.
func (a *API) Get(ctx context.Context, what, path string, into any) (there bool, e *effect.Error) {
	answer, failure, e := a.Send(ctx, http.MethodGet, path, nil)
	if e != nil {
		return false, e
	}
	if failure != nil {
		e := failure.Error()
		return false, effect.Errorf(e.Code, "%s was asked for %s: %s", a.Title, what, e.Message).WithHint("%s", e.Hint)
	}
	switch {
	case answer.Status == http.StatusNotFound:
		return false, nil
	case answer.Status != http.StatusOK:
		return false, a.Refusal("was asked for "+what, answer)
	}
	d := json.NewDecoder(bytes.NewReader(answer.Body))
	if err := d.Decode(into); err != nil {
		return false, effect.Errorf(effect.CodeFailed, "%s was asked for %s and answered 200, but not as its API does: %s", a.Title, what, a.hidden(answer.Excerpt())).
			WithHint("check the address: something else seems to answer there")
	}
	return true, nil
}

// Refusal is the error of an answer that is not what was asked for; did says
// what was: "was asked for the zone example.org". Who may not, what is too much
// and what is not understood has changed nothing.
func (a *API) Refusal(did string, answer *post.Answer) *effect.Error {
	code, hint := effect.CodeFailed, "see what it says, and its log"
	switch s := answer.Status; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		code, hint = effect.CodeRefused, "check the key or token, and what it may do"
	case s == http.StatusTooManyRequests:
		code, hint = effect.CodeUnavailable, "it wants fewer requests: try again later"
	case s >= 500:
		code, hint = effect.CodeUnavailable, "see its log, or its status page"
	case s >= 400:
		code = effect.CodeRefused
	case s >= 300:
		code, hint = effect.CodeRefused, "check the address: redirects are not followed"
	}
	return effect.Errorf(code, "%s %s and answered %s%s", a.Title, did, post.StatusName(answer.Status), a.Said(answer)).WithHint("%s", hint)
}

// Said returns what an answer says, as the end of an error; "" for nothing.
func (a *API) Said(answer *post.Answer) string {
	text := a.Says(answer.Body)
	if text == "" {
		text = answer.Excerpt()
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf(": %s", a.hidden(text))
}

func (a *API) hidden(text string) string {
	if a.Secret == "" {
		return text
	}
	return strings.ReplaceAll(text, a.Secret, "(secret)")
}

// Changed reads the answer to a change of a set. Of a change that was not
// answered, or by a failure of the service, nobody knows whether it was made.
func (a *API) Changed(k Keeper, set *Set, answer *post.Answer, failure *post.Failure) *effect.Error {
	switch {
	case failure != nil && !failure.Sent:
		e := failure.Error()
		return effect.Errorf(e.Code, "%s cannot be told to change %s: %s", a.Title, set.Title(), e.Message).WithHint("%s", e.Hint)
	case failure != nil:
		return Unknown(k, set, "no answer came: "+failure.Error().Message)
	case answer.Status >= 500:
		return Unknown(k, set, "it answered "+post.StatusName(answer.Status)+a.Said(answer))
	case answer.Status >= 300:
		e := a.Refusal("was told to change "+set.Title(), answer)
		e.Message += "; nothing changed"
		return e
	}
	return nil
}
