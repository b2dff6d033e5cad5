package effect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Token is what shows that somebody is one of the People, as it is kept: nobody can
// answer by it.
type Token struct {
	Digest  string    // SHA-256, in hex
	Expires time.Time // from then on it shows nothing; zero for never
}

// TokenDigest is the form in which a token is kept. Tokens are long and random, so
// that a plain hash gives nothing away.
func TokenDigest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Expired reports whether the token shows nothing any more at a time.
func (t Token) Expired(at time.Time) bool { return !t.Expires.IsZero() && !at.Before(t.Expires) }

// via names the token in an answer that was given by it.
func (t Token) via() string { return ViaToken + t.Digest[:12] }

// clock is how people read when a token expires.
const clock = "2006-01-02 15:04:05 UTC"

// MarshalText writes the digest, and behind a blank when it expires, as RFC 3339.
func (t Token) MarshalText() ([]byte, error) {
	if t.Expires.IsZero() {
		return []byte(t.Digest), nil
	}
	return []byte(t.Digest + " " + t.Expires.UTC().Format(time.RFC3339Nano)), nil
}

// UnmarshalText is the way back.
func (t *Token) UnmarshalText(text []byte) (err error) {
	digest, expires, limited := strings.Cut(string(text), " ")
	if len(digest) != hex.EncodedLen(sha256.Size) {
		return fmt.Errorf("%q is no digest of a token", digest)
	}
	t.Digest = digest
	if limited {
		t.Expires, err = time.Parse(time.RFC3339Nano, expires)
	}
	return err
}
