package stdlib

import (
	"maps"
	"slices"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// secretsModel is a store of secrets. Their values are made up, and never in
// State.
//
//	secrets = { ["db/password"] = { versions = { "1", "2" }, revoked = { "1" } } }
//
// A secret that nobody declared has one valid version, which is assumed,
// unless the scenario declares any.
//
// State: { ["db/password"] = { versions, valid, newest } }.
type secretsModel struct {
	secrets  map[string]storedSecret // members are replaced, not changed
	declared bool
}

// storedSecret is one secret with its versions, oldest first.
type storedSecret struct {
	versions []string
	revoked  []string
	values   map[string]effect.Secret // those that a call gave
	made     map[string]string        // by the key of the call: the version that it made
}

func newSecretsModel() *secretsModel { return &secretsModel{secrets: map[string]storedSecret{}} }

// Load implements effect.Model.
func (s *secretsModel) Load(state map[string]any) error {
	got, err := loadState(nil, &effect.Field{Type: effect.Object, Fields: []effect.Field{
		needTexts("versions", "oldest first"), texts("revoked", "those that are not valid any more")}}, state)
	if err != nil {
		return err
	}
	for name := range got {
		of := table(got, name)
		s.secrets[name] = storedSecret{versions: list(of["versions"]), revoked: list(of["revoked"])}
		s.declared = true
	}
	return nil
}

// Do implements effect.Model.
func (s *secretsModel) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	name, version := str(args, "name"), str(args, "version")
	secret, known := s.secrets[name]
	if !known && s.declared && op != "rotate" {
		return nil, notFound("secret", name, sortedNames(s.secrets))
	}
	if !known && !s.declared {
		secret = storedSecret{versions: []string{"1"}}
	}
	if version != "" && !slices.Contains(secret.versions, version) {
		return nil, notFound("version of "+name+" called", version, slices.Clone(secret.versions))
	}
	switch op {
	case "get":
		return secret.get(name, version)
	case "rotate":
		secret, version = secret.rotate(m.Key, args["value"])
		s.secrets[name] = secret
		out := map[string]any{"version": version}
		if i := slices.Index(secret.versions, version); i > 0 {
			out["previous"] = secret.versions[i-1]
		}
		return out, nil
	case "revoke":
		if !slices.Contains(secret.revoked, version) {
			secret.revoked = append(slices.Clip(secret.revoked), version)
		}
		s.secrets[name] = secret
		return map[string]any{"version": version, "valid": toAny(secret.valid())}, nil
	}
	return nil, noOp("secrets", op)
}

func (s storedSecret) get(name, version string) (any, error) {
	valid := s.valid()
	if version == "" {
		if len(valid) == 0 {
			return nil, effect.Errorf(effect.CodeNotFound, "no version of %s is valid", name).WithHint("make a new one with secrets.rotate")
		}
		version = valid[len(valid)-1]
	}
	if !slices.Contains(valid, version) {
		return nil, effect.Errorf(effect.CodeRefused, "version %s of %s was revoked", version, name).WithHint("get the newest one: leave version out")
	}
	value, given := s.values[version]
	if !given {
		value = effect.NewSecret(name, "simulated value of version "+version+" of "+name)
	}
	return map[string]any{"value": value, "version": version}, nil
}

// rotate adds a version, unless the call with this key did so before.
func (s storedSecret) rotate(key string, value any) (storedSecret, string) {
	if version, done := s.made[key]; done && key != "" {
		return s, version
	}
	highest := len(s.versions)
	for _, v := range s.versions {
		if n, err := strconv.Atoi(v); err == nil {
			highest = max(highest, n)
		}
	}
	version := strconv.Itoa(highest + 1)
	s.versions = append(slices.Clip(s.versions), version)
	s.made = maps.Clone(s.made)
	if s.made == nil {
		s.made = map[string]string{}
	}
	s.made[key] = version
	if secret, ok := value.(effect.Secret); ok {
		s.values = maps.Clone(s.values)
		if s.values == nil {
			s.values = map[string]effect.Secret{}
		}
		s.values[version] = secret
	}
	return s, version
}

func (s storedSecret) valid() []string {
	return slices.DeleteFunc(slices.Clone(s.versions), func(v string) bool { return slices.Contains(s.revoked, v) })
}

// State implements effect.Model.
func (s *secretsModel) State(effect.Moment) map[string]any {
	out := make(map[string]any, len(s.secrets))
	for name, secret := range s.secrets {
		valid := secret.valid()
		told := map[string]any{"versions": toAny(secret.versions), "valid": toAny(valid)}
		if len(valid) > 0 {
			told["newest"] = valid[len(valid)-1]
		}
		out[name] = told
	}
	return out
}

// Clone implements effect.Model.
func (s *secretsModel) Clone() effect.Model {
	return &secretsModel{maps.Clone(s.secrets), s.declared}
}

// Assumes reports whether nobody declared the secret.
func (s *secretsModel) Assumes(_ string, args map[string]any) bool {
	_, known := s.secrets[str(args, "name")]
	return !known && !s.declared
}
