// Package age carries the module secrets: it keeps secrets in files that are
// encrypted with age (age-encryption.org). Package versions says how.
package age

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/versions"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend reads and rotates encrypted secrets. New returns it; Configure makes
// it ready.
type Backend struct {
	versions.Backend
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{versions.Backend{Name: "age"}} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "age", Module: "secrets", Version: "1.0.0",
		Doc: "Keep secrets in files that are encrypted with age",
		Ops: stdlib.Carry("secrets", "get", "rotate", "revoke"),
		Config: []effect.Field{
			{Name: "dir", Type: effect.String, Required: true, Min: effect.Bound(1), Path: effect.IsPath,
				Doc: "the directory: db/password is the file db/password.age in it, or the directory db/password with a file for each version"},
			{Name: "identity", Type: effect.String, Secret: true, Required: true,
				Doc: "the private keys that open them, as age-keygen writes them"},
			{Name: "recipients", Type: effect.List, Elem: &effect.Field{Type: effect.String},
				Doc: "the public keys that new versions are for: age1…; those of the identity if left out"},
		},
	}
}

// Configure implements plugins.Backend.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	text, _ := config["identity"].(string)
	if s, ok := config["identity"].(effect.Secret); ok {
		text = s.Reveal()
	}
	identities, err := age.ParseIdentities(strings.NewReader(text))
	if err != nil { // its text could hold a part of the key
		return effect.Errorf(effect.CodeInvalid, "configure age: identity: it holds no private keys of age").
			WithHint("make one with age-keygen -o key.txt, and write identity: \"file:key.txt\"")
	}
	recipients, err := recipients(config["recipients"], identities)
	if err != nil {
		return err
	}
	dir, _ := config["dir"].(string)
	return b.Use(&versions.Store{Dir: dir, Codec: versions.Codec{Ext: ".age",
		Encode: func(value []byte) ([]byte, error) { return encrypt(value, recipients) },
		Decode: func(data []byte) ([]byte, error) { return decrypt(data, identities) }}})
}

// recipients reads the configured public keys, or takes those of the
// identities.
func recipients(given any, identities []age.Identity) ([]age.Recipient, error) {
	var list []age.Recipient
	names, _ := given.([]any)
	for _, v := range names {
		name, _ := v.(string)
		parsed, err := age.ParseRecipients(strings.NewReader(name))
		if err != nil || len(parsed) != 1 {
			return nil, effect.Errorf(effect.CodeInvalid, "configure age: recipients: %q is no public key of age", name).WithHint("write one that begins with age1")
		}
		list = append(list, parsed...)
	}
	if len(names) > 0 {
		return list, nil
	}
	for _, id := range identities {
		switch id := id.(type) {
		case *age.X25519Identity:
			list = append(list, id.Recipient())
		case *age.HybridIdentity:
			list = append(list, id.Recipient())
		}
	}
	if len(list) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "configure age: recipients: the identity does not tell its public key").WithHint("name it: recipients: [age1…]")
	}
	return list, nil
}

func encrypt(value []byte, to []age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(value); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func decrypt(data []byte, by []age.Identity) ([]byte, error) {
	var in io.Reader = bytes.NewReader(data)
	if bytes.HasPrefix(data, []byte(armor.Header)) {
		in = armor.NewReader(in)
	}
	// The library's errors may quote the file, which may hold a secret in clear.
	r, err := age.Decrypt(in, by...)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, errors.New("it is encrypted for another identity")
	}
	if err != nil {
		return nil, errors.New("it is not encrypted with age, or damaged")
	}
	value, err := io.ReadAll(r)
	if err != nil {
		return nil, errors.New("it is damaged")
	}
	return value, nil
}
