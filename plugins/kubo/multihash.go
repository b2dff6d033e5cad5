package kubo

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"
)

// Codes of hash functions (multicodec).
const (
	hashIdentity = 0x00 // no hash: the content itself
	hashSHA1     = 0x11
	hashSHA256   = 0x12
	hashSHA512   = 0x13
	hashSHA3_512 = 0x14
	hashSHA3_384 = 0x15
	hashSHA3_256 = 0x16
	hashSHA3_224 = 0x17
	hashBlake2b  = 0xb200 // and the length in bytes, 1 to 64
	hashBlake2s  = 0xb260 // of 32 bytes
)

// shortestHash is the least that counts as a hash, in bytes; Kubo has the same
// bound.
const shortestHash = 20

// multihash is a hash that says by which function it was made.
type multihash struct {
	code   uint64
	digest string
}

// readMultihash reads one from the beginning of data, and returns how many
// bytes it takes.
func readMultihash(data []byte) (multihash, int, error) {
	code, n, err := uvarint(data)
	if err != nil {
		return multihash{}, 0, err
	}
	length, more, err := uvarint(data[n:])
	if err != nil {
		return multihash{}, 0, err
	}
	n += more
	if length > cidLimit || length > uint64(len(data)-n) {
		return multihash{}, 0, errors.New("its hash is cut off or too long")
	}
	return multihash{code, string(data[n : n+int(length)])}, n + int(length), nil
}

// bytes returns the binary form.
func (h multihash) bytes() []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, h.code), uint64(len(h.digest))), h.digest...)
}

// of reports whether h is the hash of data; an error if the function is not
// known here.
func (h multihash) of(data []byte) (bool, error) {
	if h.code == hashIdentity {
		return h.digest == string(data), nil
	}
	sum := h.sum(data)
	if sum == nil {
		return false, fmt.Errorf("its hash is of a kind that cannot be computed here (multicodec 0x%x)", h.code)
	}
	if len(h.digest) < shortestHash || len(h.digest) > len(sum) {
		return false, fmt.Errorf("its hash has %d bytes, which proves nothing", len(h.digest))
	}
	return h.digest == string(sum[:len(h.digest)]), nil
}

// sum hashes data by h's function; nil if it is not known here.
func (h multihash) sum(data []byte) []byte {
	switch h.code {
	case hashSHA256:
		s := sha256.Sum256(data)
		return s[:]
	case hashSHA512:
		s := sha512.Sum512(data)
		return s[:]
	case hashSHA1:
		s := sha1.Sum(data)
		return s[:]
	case hashSHA3_512:
		s := sha3.Sum512(data)
		return s[:]
	case hashSHA3_384:
		s := sha3.Sum384(data)
		return s[:]
	case hashSHA3_256:
		s := sha3.Sum256(data)
		return s[:]
	case hashSHA3_224:
		s := sha3.Sum224(data)
		return s[:]
	case hashBlake2s:
		s := blake2s.Sum256(data)
		return s[:]
	}
	if h.code > hashBlake2b && h.code <= hashBlake2b+blake2b.Size {
		f, err := blake2b.New(int(h.code-hashBlake2b), nil)
		if err != nil {
			return nil
		}
		_, _ = f.Write(data) // never fails
		return f.Sum(nil)
	}
	return nil
}
