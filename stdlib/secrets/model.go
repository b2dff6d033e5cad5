package secrets

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model is a store of secrets. Their values are made up, and never in
// State.
//
//	secrets = { ["db/password"] = { versions = { "1", "2" }, revoked = { "1" } } }
//
// A secret that nobody declared has one valid version, which is assumed,
// unless the scenario declares any.
//
// What is issued is kept under its lease and ends with it; whatever makes it is
// there, with every field that is asked for.
//
// State: { ["db/password"] = { versions, valid, newest }, ["runbook/leases/…"] =
// { valid, of, expires } }, where valid is true or false.
type Model struct {
	secrets  map[string]secret // members are replaced, not changed
	leases   map[string]lease  // by name
	declared bool
}

// secret is one secret with its versions, oldest first.
type secret struct {
	versions []string
	revoked  []string
	values   map[string]effect.Secret // those that a call gave
	made     map[string]string        // by the key of the call: the version that it made
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model { return &Model{secrets: map[string]secret{}, leases: map[string]lease{}} }

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	return effect.ScenarioFields{Rest: &effect.Field{Type: effect.Object, Doc: "a secret, by its name", Fields: []effect.Field{
		field.NeedTexts("versions", "oldest first"), field.Texts("revoked", "those that are not valid any more")}}}
}

// Load implements effect.Model.
func (s *Model) Load(state map[string]any) error {
	got, err := scenario().Check(state)
	if err != nil {
		return err
	}
	for name := range got {
		of := plain.Table(got, name)
		s.secrets[name] = secret{versions: plain.List(of["versions"]), revoked: plain.List(of["revoked"])}
		s.declared = true
	}
	return nil
}

// Do implements effect.Model.
func (s *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	name, version := plain.Str(args, "name"), plain.Str(args, "version")
	switch {
	case op == "issue":
		return s.issue(m, args)
	case op == "release":
		return s.release(args)
	case strings.HasPrefix(name, Leases+"/"):
		return s.ofLease(m, op, name, version)
	}
	held, known := s.secrets[name]
	if !known && s.declared && op != "rotate" {
		return nil, model.NotFound("secret", name, plain.SortedNames(s.secrets))
	}
	if !known && !s.declared {
		held = secret{versions: []string{"1"}}
	}
	if version != "" && !slices.Contains(held.versions, version) {
		return nil, model.NotFound("version of "+name+" called", version, slices.Clone(held.versions))
	}
	switch op {
	case "get":
		return held.get(name, version)
	case "rotate":
		held, version = held.rotate(m.Key, args["value"])
		s.secrets[name] = held
		out := map[string]any{"version": version}
		if i := slices.Index(held.versions, version); i > 0 {
			out["previous"] = held.versions[i-1]
		}
		return out, nil
	case "revoke":
		if !slices.Contains(held.revoked, version) {
			held.revoked = append(slices.Clip(held.revoked), version)
		}
		s.secrets[name] = held
		return map[string]any{"version": version, "valid": plain.ToAny(held.valid())}, nil
	}
	return nil, model.NoOp("secrets", op)
}

func (s secret) get(name, version string) (any, error) {
	valid := s.valid()
	if version == "" {
		if len(valid) == 0 {
			return nil, effect.Errorf(effect.CodeNotFound, "no version of %s is valid", name).WithHint("make a new one with secrets.rotate")
		}
		version = valid[len(valid)-1]
	}
	if !slices.Contains(valid, version) {
		return nil, effect.Errorf(effect.CodeGone, "version %s of %s was revoked", version, name).WithHint("get the newest one: leave version out")
	}
	value, given := s.values[version]
	if !given {
		value = effect.NewSecret(name, "simulated value of version "+version+" of "+name)
	}
	return map[string]any{"value": value, "version": version}, nil
}

// rotate adds a version, unless the call with this key did so before.
func (s secret) rotate(key string, value any) (secret, string) {
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

func (s secret) valid() []string {
	return slices.DeleteFunc(slices.Clone(s.versions), func(v string) bool { return slices.Contains(s.revoked, v) })
}

// State implements effect.Model.
func (s *Model) State(m effect.Moment) map[string]any {
	out := make(map[string]any, len(s.secrets)+len(s.leases))
	for name, l := range s.leases {
		out[name] = l.state(m.Now)
	}
	for name, secret := range s.secrets {
		valid := secret.valid()
		told := map[string]any{"versions": plain.ToAny(secret.versions), "valid": plain.ToAny(valid)}
		if len(valid) > 0 {
			told["newest"] = valid[len(valid)-1]
		}
		out[name] = told
	}
	return out
}

// Clone implements effect.Model.
func (s *Model) Clone() effect.Model {
	return &Model{maps.Clone(s.secrets), maps.Clone(s.leases), s.declared}
}

// Assumes implements effect.Assumer: nobody may have declared the secret.
func (s *Model) Assumes(op string, args map[string]any) string {
	switch name := plain.Str(args, "name"); {
	case op == "issue":
		return model.Assuming(!s.declared, "what "+name+" issues")
	case op == "release" || strings.HasPrefix(name, Leases+"/"):
		return ""
	}
	_, known := s.secrets[plain.Str(args, "name")]
	return model.Assuming(!known && !s.declared, "secrets of "+plain.Str(args, "name"))
}
