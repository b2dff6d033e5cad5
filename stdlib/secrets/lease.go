package secrets

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Leases is the folder of a store in which what was issued is kept, unless its
// configuration names another one.
const Leases = "runbook/leases"

// Lease returns the name in such a folder of what the effect with a key has had
// issued.
func Lease(folder, key string) string {
	sum := sha256.Sum256([]byte(key))
	return folder + "/" + hex.EncodeToString(sum[:12])
}

// lease is a credential that was issued. It has one version.
type lease struct {
	of       string // what made it
	ends     time.Time
	released bool
}

func (l lease) valid(at time.Time) bool { return !l.released && at.Before(l.ends) }

// issue makes a credential, unless the call with this key did so before.
func (s *Model) issue(m effect.Moment, args map[string]any) (any, error) {
	name := Lease(Leases, m.Key)
	l, made := s.leases[name]
	if made && l.released {
		return nil, effect.Errorf(effect.CodeGone, "what the effect has had issued, %s, was released", name)
	}
	if !made || !l.valid(m.Now) {
		l = lease{of: plain.Str(args, "name"), ends: m.Now.Add(effect.Seconds(plain.Num(args, "ttl")))}
		s.leases[name] = l
	}
	return map[string]any{"lease": name, "expires": plain.Unix(l.ends)}, nil
}

// release ends a lease.
func (s *Model) release(args map[string]any) (any, error) {
	name := plain.Str(args, "lease")
	l, known := s.leases[name]
	switch {
	case !strings.HasPrefix(name, Leases+"/"):
		return nil, effect.Errorf(effect.CodeInvalid, "%q is no lease", name).WithHint("give what secrets.issue has returned as lease")
	case !known:
		return nil, model.NotFound("lease", name, plain.SortedNames(s.leases))
	}
	l.released = true
	s.leases[name] = l
	return map[string]any{"lease": name}, nil
}

// ofLease carries out an op that names a lease, or a field of what was issued.
func (s *Model) ofLease(m effect.Moment, op, name, version string) (any, error) {
	base, field, given := strings.Cut(name, "#")
	l, known := s.leases[base]
	switch {
	case op != "get":
		return nil, effect.Errorf(effect.CodeInvalid, "%s was issued: secrets.%s is for secrets that are kept for long", base, op).WithHint("end it with secrets.release")
	case !known:
		return nil, model.NotFound("lease", base, plain.SortedNames(s.leases))
	case version != "" && version != "1":
		return nil, model.NotFound("version of "+base+" called", version, []string{"1"})
	case !l.valid(m.Now):
		return nil, effect.Errorf(effect.CodeGone, "%s has ended", base).WithHint("issue another one, right before it is used")
	case !given || field == "":
		return nil, effect.Errorf(effect.CodeNotFound, "%s has fields, and none is named", base).WithHint("name one, as %s#username", base)
	}
	return map[string]any{"value": effect.NewSecret(name, "simulated "+field+" of "+base), "version": "1"}, nil
}

// state is what is told of a lease.
func (l lease) state(at time.Time) map[string]any {
	return map[string]any{"valid": l.valid(at), "of": l.of, "expires": plain.Unix(l.ends)}
}
