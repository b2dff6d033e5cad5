package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// ParsePrivate reads an Ed25519 key as `openssl genpkey -algorithm ed25519` writes
// it: PKCS #8 in PEM.
func ParsePrivate(text string) (ed25519.PrivateKey, error) {
	const hint = "make one with: openssl genpkey -algorithm ed25519"
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the key is no PEM; " + hint)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the key is not PKCS #8; " + hint) // the error may hold parts of it
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the key is a %T, and has to be an Ed25519 key; %s", key, hint)
	}
	return private, nil
}

// ParsePublic reads a public key as `openssl pkey -pubout` writes it.
func ParsePublic(text []byte) (ed25519.PublicKey, error) {
	const hint = "write it with: openssl pkey -in KEY -pubout"
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the public key is no PEM; " + hint)
	}
	if strings.Contains(block.Type, "PRIVATE") {
		return nil, errors.New("this is the private key, which only signing needs; " + hint)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the public key cannot be read: %w; %s", err, hint)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the public key is a %T, and has to be an Ed25519 key", key)
	}
	return public, nil
}

// Fingerprint names a public key: SHA-256 of its bytes, in hex.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:])
}

// signed is what a signature covers in a file of a version.
func signed(version, lines int, sum []byte) []byte {
	return fmt.Appendf(nil, "audit-export/%d\n%d\n%x\n", version, lines, sum)
}
