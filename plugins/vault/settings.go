package vault

import (
	"net/url"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

// settings are a configuration that was read.
type settings struct {
	client    *post.Client
	address   *url.URL
	namespace string // "" for the root
	mount     string // of the key-value engine, without slashes around it
	field     string // of a secret whose name has none
	mark      string // the field that takes the mark of an effect
	leases    string // the path below the mount under which credentials are kept that were issued

	token            string // "" where a role logs in
	roleID, secretID string
	login            string // the mount of AppRole

	// settling bounds how long the server may take to end a lease that it was told to
	// end. It is less than the op may take.
	settling time.Duration
	// passing is for how long the server may be at a request for whose answer nobody
	// waits any more.
	passing time.Duration
}

// location is where a secret is kept.
type location struct {
	name  string // as the runbook has it
	path  string // below the mount
	field string
}

func fields() []effect.Field {
	return append([]effect.Field{
		{Name: "address", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "the server: https://vault.example.org:8200"},
		{Name: "token", Type: effect.String, Secret: true, Doc: "a token that may do what its runbooks ask; or give role_id and secret_id"},
		{Name: "role_id", Type: effect.String, Min: effect.Bound(1), Doc: "the role to log in as, by AppRole"},
		{Name: "secret_id", Type: effect.String, Secret: true, Doc: "the secret id of that role"},
		{Name: "login", Type: effect.String, Default: "approle", Min: effect.Bound(1), Doc: "where AppRole is mounted, below auth/"},
		{Name: "namespace", Type: effect.String, Min: effect.Bound(1), Doc: "the namespace that holds the mounts"},
		{Name: "mount", Type: effect.String, Default: "secret", Min: effect.Bound(1), Doc: "where the key-value engine, version 2, is mounted"},
		{Name: "field", Type: effect.String, Default: "value", Min: effect.Bound(1), Doc: "the field of secrets that are named without one: db/app is db/app#value"},
		{Name: "mark", Type: effect.String, Default: "runbook_effect", Min: effect.Bound(1),
			Doc: "the field that tells which effect made a version; it is beside the others, for whoever reads all of them"},
		{Name: "leases", Type: effect.String, Default: secrets.Leases, Min: effect.Bound(1),
			Doc: "the path below mount at which the server keeps the credentials that runs have issued, until they are released"},
		{Name: "insecure", Type: effect.Bool, Doc: "whether tokens and secrets may go over http:// to another machine: who listens on the way has them"},
	}, post.Fields()...)
}

func newSettings(config map[string]any) (*settings, error) {
	bad := func(format string, args ...any) *effect.Error {
		return effect.Errorf(effect.CodeInvalid, "configure vault: "+format, args...)
	}
	u, err := url.Parse(strings.TrimSuffix(str(config["address"]), "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, bad("address: it is not an http or https URL without a password").WithHint("write https://vault.example.org:8200")
	}
	if insecure, _ := config["insecure"].(bool); u.Scheme == "http" && !insecure && !post.Loopback(u) {
		return nil, bad("address: plain http hands tokens and secrets to whoever listens on the way").
			WithHint("write https://, or insecure: true if that does not matter")
	}
	client, err := post.New("vault", config)
	if err != nil {
		return nil, err
	}
	s := &settings{client: client, address: u, namespace: strings.Trim(str(config["namespace"]), "/"), mount: strings.Trim(str(config["mount"]), "/"),
		field: str(config["field"]), mark: str(config["mark"]), leases: strings.Trim(str(config["leases"]), "/"), login: strings.Trim(str(config["login"]), "/"),
		token: strings.TrimSpace(str(config["token"])), roleID: str(config["role_id"]), secretID: strings.TrimSpace(str(config["secret_id"])),
		settling: 20 * time.Second, passing: 2 * time.Second}
	switch role := s.roleID != "" || s.secretID != ""; {
	case s.token != "" && role:
		return nil, bad("token and role_id exclude each other").WithHint("leave one of them out")
	case s.token == "" && (s.roleID == "" || s.secretID == ""):
		return nil, bad("there is nothing to log in with").WithHint(`write token: "env:VAULT_TOKEN", or role_id and secret_id`)
	case !good(s.mount):
		return nil, bad("mount: %q is no path of a mount", s.mount).WithHint("write mount: secret")
	case !good(s.login):
		return nil, bad("login: %q is no path of a mount", s.login).WithHint("write login: approle, without auth/")
	case !good(s.leases):
		return nil, bad("leases: %q is no path", s.leases).WithHint("write leases: %s", secrets.Leases)
	case s.field == s.mark:
		return nil, bad("field and mark name the same field").WithHint("give mark another name")
	}
	return s, nil
}

// locate reads the name of a secret.
func (s *settings) locate(name string) (location, *effect.Error) {
	path, field, given := strings.Cut(name, "#")
	if !given {
		field = s.field
	}
	if !good(path) || field == "" {
		return location{}, effect.Errorf(effect.CodeInvalid, "%q is no name of a secret", name).
			WithHint("write a path like db/app, or db/app#password for one field of it; no part is empty, . or ..")
	}
	if field == s.mark {
		return location{}, effect.Errorf(effect.CodeInvalid, "the field %s of %s tells which effect made a version", field, path).WithHint("`mark` in the configuration of the backend may name another one for that")
	}
	return location{name, path, field}, nil
}

// keeps reports whether a path is one at which a credential is kept that was issued.
func (s *settings) keeps(path string) bool { return strings.HasPrefix(path, s.leases+"/") }

// good reports whether a path is one that means the same to everyone on the way.
func good(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return false
		}
	}
	return true
}
