package kubo

import (
	"bytes"
	"strings"
	"testing"
)

// TestCIDs reads one content in all ways of writing it.
func TestCIDs(t *testing.T) {
	// The empty directory, as Kubo's documentation has it.
	const v0, v1 = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
	old, err := parseCID(v0)
	if err != nil || old.String() != v0 || old.codec != codecDagPB {
		t.Fatalf("%v, %v", old, err)
	}
	if ok, err := old.hash.of([]byte{0x0a, 0x02, 0x08, 0x01}); !ok || err != nil {
		t.Errorf("its hash: %t, %v", ok, err)
	}
	for _, text := range []string{v1, "B" + strings.ToUpper(v1[1:]), "f01701220" + hexOf(old.hash.digest), "z" + encodeDigits(append([]byte{1, 0x70}, old.bytes()...), base58Digits),
		"k" + encodeDigits(append([]byte{1, 0x70}, old.bytes()...), base36Digits)} {
		c, err := parseCID(text)
		if err != nil || c.String() != v1 || c.hash != old.hash {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
	for _, text := range []string{"", "x", "bafyA", "/ipfs/" + v1, "Qm0NLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", v1 + "aa", "example.org", "bafy" + strings.Repeat("a", 5000), "b"} {
		if c, err := parseCID(text); err == nil {
			t.Errorf("%.60q is read as %v", text, c)
		}
	}
}

func hexOf(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(digits[s[i]>>4])
		b.WriteByte(digits[s[i]&15])
	}
	return b.String()
}

// TestHashes hashes by every function, whole, cut, and too short to prove anything.
func TestHashes(t *testing.T) {
	data := []byte("content")
	for _, code := range []uint64{hashSHA1, hashSHA256, hashSHA512, hashSHA3_224, hashSHA3_256, hashSHA3_384, hashSHA3_512, hashBlake2b + 20, hashBlake2b + 32, hashBlake2b + 64, hashBlake2s} {
		sum := multihash{code: code}.sum(data)
		for _, c := range []struct {
			digest []byte
			ok     bool
			fails  bool
		}{{sum, true, false}, {sum[:20], true, false}, {sum[:19], false, true}, {append(bytes.Clone(sum), 0), false, true}, {append([]byte{sum[0] ^ 1}, sum[1:]...), false, false}} {
			ok, err := multihash{code, string(c.digest)}.of(data)
			if ok != c.ok || (err != nil) != c.fails {
				t.Errorf("0x%x with %d bytes: %t, %v", code, len(c.digest), ok, err)
			}
		}
	}
	if ok, err := (multihash{0x1e, strings.Repeat("x", 32)}).of(data); ok || err == nil {
		t.Errorf("BLAKE3: %t, %v", ok, err)
	}
	if ok, err := (multihash{hashIdentity, "content"}).of(data); !ok || err != nil {
		t.Errorf("identity: %t, %v", ok, err)
	}
}

// TestLinks reads links of DAG-CBOR, and of what lies about being it.
func TestLinks(t *testing.T) {
	to, _ := parseCID("bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354")
	link := append([]byte{0xd8, 42, 0x58, byte(len(to.bytes()) + 1), 0}, to.bytes()...)
	// {"a": [1, link, {"b": link}], "c": -2.5, "d": h'00', "e": null}
	good := []byte{0xa4, 0x61, 'a', 0x83, 1}
	good = append(append(append(append(good, link...), 0xa1, 0x61, 'b'), link...), 0x61, 'c', 0xfb, 0xc0, 4, 0, 0, 0, 0, 0, 0, 0x61, 'd', 0x41, 0, 0x61, 'e', 0xf6)
	found := 0
	if err := links(codecDagCBOR, good, func(c cid) {
		if c == to {
			found++
		}
	}); err != nil || found != 2 {
		t.Errorf("%d links, %v", found, err)
	}
	for name, bad := range map[string][]byte{
		"cut": good[:len(good)-1], "more behind": append(bytes.Clone(good), 0), "deep": bytes.Repeat([]byte{0x81}, 100_000),
		"long list": {0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "wide map": {0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0}, "no bytes in a link": {0xd8, 42, 1},
		"without an end": {0x9f, 1, 0xff}, "empty": {},
	} {
		if err := links(codecDagCBOR, bad, func(cid) {}); err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
	for name, bad := range map[string][]byte{"cut": {0x12, 5, 1}, "no CID": {0x12, 3, 0x0a, 1, 7}, "a group": {0x0b, 0}} {
		if err := links(codecDagPB, bad, func(cid) {}); err == nil {
			t.Errorf("dag-pb, %s: it is read", name)
		}
	}
}

func FuzzCAR(f *testing.F) {
	f.Add([]byte{0x0a, 0xa1})
	f.Add(append(append([]byte(nil), carPragma...), make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		car, err := newCAR(bytes.NewReader(data))
		if err == nil {
			_, _ = verify(car, car.roots, func(uint64, uint64) {}) // it may say what it likes, and come to an end
		}
	})
}
