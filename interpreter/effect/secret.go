package effect

import (
	"errors"
	"fmt"
	"unique"
)

// sprintf keeps vet's printf check on the exported wrappers.
func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// Secret is a value that may be used and never shown. Scripts hold it as an
// opaque object; only a backend's argument check sees what is inside. It
// prints, formats and marshals as its name.
type Secret struct {
	name string
	// value is not a plain string, because fmt calls no methods of what stands
	// in an unexported field of another struct; it shows an address there.
	value unique.Handle[string]
}

// NewSecret returns a secret that prints as [secret name].
func NewSecret(name, value string) Secret { return Secret{name, unique.Make(value)} }

// Name returns what the secret is called; it is safe to show.
func (s Secret) Name() string { return s.name }

// Reveal returns the value. Call it where the value leaves for the system
// that needs it, and nowhere else.
func (s Secret) Reveal() string {
	if s == (Secret{name: s.name}) {
		return ""
	}
	return s.value.Value()
}

// String returns "[secret name]".
func (s Secret) String() string { return "[secret " + s.name + "]" }

// GoString keeps the value out of %#v.
func (s Secret) GoString() string { return s.String() }

// Format keeps the value out of every other verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalJSON refuses: a secret reaches JSON only through Encode, which digests
// it.
func (s Secret) MarshalJSON() ([]byte, error) {
	return nil, errors.New("effect: a secret must become its digest before it is encoded")
}
