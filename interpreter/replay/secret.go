package replay

import (
	"maps"
	"slices"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// An op may return secrets: fields of Op.Returns that are declared so. The
// journal keeps their digests. A replay hands these to the script, which cannot
// tell them from the secrets, and arguments that hold either are the same to a
// comparison. The secret itself is needed by what is carried out with it, and
// had again for that alone: what the run has read and used may be gone since,
// revoked by the run itself.

// guarded returns a value with its secret fields made opaque, so that nothing
// above the Recorder holds them in clear.
func guarded(op *effect.Op, value any) any {
	fields, ok := value.(map[string]any)
	if !ok || !op.ReturnsSecrets() {
		return value
	}
	fields = maps.Clone(fields)
	for i := range op.Returns {
		f := &op.Returns[i]
		if text, ok := fields[f.Name].(string); ok && f.Secret {
			fields[f.Name] = effect.NewSecret(op.String()+"."+f.Name, text)
		}
	}
	return fields
}

// vault is what one walk knows of the secrets that effects have returned, by
// their digests. It is safe for concurrent use.
type vault struct {
	mu     sync.Mutex
	known  map[string]effect.Secret
	sealed map[string]*sealed
	order  []*sealed // those that were not asked for yet, as the script came to them
	// missing are those that could not be had, by which results are withheld.
	missing map[string]bool
}

// sealed is a secret of which the walk had the digest from the record.
type sealed struct {
	digest string
	from   []source // the effects that returned it
}

// source is a recorded effect that returned a secret.
type source struct {
	call  effect.Call
	value map[string]any
}

// seal takes note of the secrets in a recorded result.
func (v *vault) seal(call effect.Call, value any) {
	fields, _ := value.(map[string]any)
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range call.Op.Returns {
		d, ok := fields[call.Op.Returns[i].Name].(effect.SecretDigest)
		if !ok {
			continue
		}
		s := v.sealed[d.Digest]
		if s == nil {
			s = &sealed{digest: d.Digest}
			if v.sealed == nil {
				v.sealed = map[string]*sealed{}
			}
			v.sealed[d.Digest], v.order = s, append(v.order, s)
		}
		s.from = append(s.from, source{call, fields})
	}
}

// learn takes note of the secrets in a result that came from the world.
func (v *vault) learn(digest func(effect.Secret) string, value any) {
	fields, _ := value.(map[string]any)
	for _, f := range fields {
		secret, ok := f.(effect.Secret)
		if !ok || digest == nil {
			continue
		}
		d := digest(secret)
		v.mu.Lock()
		if v.known == nil {
			v.known = map[string]effect.Secret{}
		}
		v.known[d] = secret
		v.mu.Unlock()
	}
}

// get returns a secret that is known by now.
func (v *vault) get(digest string) (effect.Secret, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s, ok := v.known[digest]
	return s, ok
}

// from returns the effects that returned a secret.
func (v *vault) from(digest string) []source {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s := v.sealed[digest]; s != nil {
		return s.from[:len(s.from):len(s.from)]
	}
	return nil
}

// untried returns the sealed secrets that nobody has asked for. Branches that
// come here at the same time ask each: a wait for another one is none that a
// virtual clock knows of.
func (v *vault) untried() []*sealed {
	v.mu.Lock()
	defer v.mu.Unlock()
	var list []*sealed
	for _, s := range v.order {
		if _, known := v.known[s.digest]; !known {
			list = append(list, s)
		}
	}
	return list
}

// tried takes a secret for asked for, and reports whether this is news. missing
// says that it was not had and may show.
func (v *vault) tried(s *sealed, missing bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if missing {
		v.missing[s.digest] = true
	}
	n := len(v.order)
	v.order = slices.DeleteFunc(v.order, func(o *sealed) bool { return o == s })
	return len(v.order) < n
}

// miss takes note of secrets that are not known from the start.
func (v *vault) miss(digests map[string]error) {
	v.missing = make(map[string]bool, len(digests))
	for d := range digests {
		v.missing[d] = true
	}
}

// missed reports whether a secret that may show is still not known.
func (v *vault) missed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for digest := range v.missing {
		if _, known := v.known[digest]; !known {
			return true
		}
	}
	return false
}
