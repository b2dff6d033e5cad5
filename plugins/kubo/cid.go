package kubo

import (
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Codecs of blocks (multicodec) whose links are read here.
const (
	codecRaw     = 0x55
	codecDagPB   = 0x70
	codecDagCBOR = 0x71
)

// cidLimit bounds a CID in binary form, in bytes: small content may stand in
// the CID itself.
const cidLimit = 512

var base32Encoding = base32.NewEncoding(base32Digits).WithPadding(base32.NoPadding)

// cid is the name of a block: what it is written in, and its hash.
type cid struct {
	version uint64 // 0 or 1
	codec   uint64
	hash    multihash
}

// parseCID reads a CID as people write it.
func parseCID(text string) (cid, error) {
	if len(text) < 2 || len(text) > 2*cidLimit {
		return cid{}, errors.New("it is no CID")
	}
	var data []byte
	var err error
	switch rest := text[1:]; {
	case len(text) == 46 && strings.HasPrefix(text, "Qm"):
		data, err = decodeDigits(text, base58Digits)
	case text[0] == 'b' || text[0] == 'B':
		data, err = base32Encoding.DecodeString(strings.ToLower(rest))
	case text[0] == 'z':
		data, err = decodeDigits(rest, base58Digits)
	case text[0] == 'k':
		data, err = decodeDigits(rest, base36Digits)
	case text[0] == 'f':
		data, err = hex.DecodeString(rest)
	default:
		err = errors.New("it is no CID: those begin with Qm or baf")
	}
	if err != nil {
		return cid{}, err
	}
	c, n, err := readCID(data)
	if err == nil && n != len(data) {
		err = errors.New("there is more behind its end")
	}
	return c, err
}

// readCID reads a CID in binary form from the beginning of data, and returns
// how many bytes it takes.
func readCID(data []byte) (c cid, n int, err error) {
	if len(data) >= 34 && data[0] == hashSHA256 && data[1] == 32 { // version 0 is a bare hash
		return cid{version: 0, codec: codecDagPB, hash: multihash{hashSHA256, string(data[2:34])}}, 34, nil
	}
	c.version, n, err = uvarint(data)
	if err == nil && c.version != 1 {
		err = fmt.Errorf("a CID of version %d is not known here", c.version)
	}
	var more int
	if err == nil {
		c.codec, more, err = uvarint(data[n:])
		n += more
	}
	if err == nil {
		c.hash, more, err = readMultihash(data[n:])
		n += more
	}
	return c, n, err
}

// bytes returns the binary form.
func (c cid) bytes() []byte {
	if c.version == 0 {
		return c.hash.bytes()
	}
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, c.version), c.codec), c.hash.bytes()...)
}

// String returns the CID as Kubo writes it.
func (c cid) String() string {
	if c.version == 0 {
		return encodeDigits(c.bytes(), base58Digits)
	}
	return "b" + base32Encoding.EncodeToString(c.bytes())
}

// uvarint reads a number of up to 63 bits, as multiformats write them.
func uvarint(data []byte) (v uint64, n int, err error) {
	v, n = binary.Uvarint(data)
	if n <= 0 || n > 9 {
		return 0, 0, errors.New("a number in it is cut off or too large")
	}
	return v, n, nil
}
