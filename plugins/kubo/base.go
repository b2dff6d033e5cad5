package kubo

import (
	"errors"
	"math/big"
	"slices"
	"strings"
)

const (
	base32Digits = "abcdefghijklmnopqrstuvwxyz234567" // RFC 4648, lower case
	base36Digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// decodeDigits reads a text as one number in the base that digits has; zeros
// in front stand for a zero byte each.
func decodeDigits(text, digits string) ([]byte, error) {
	n, base := new(big.Int), big.NewInt(int64(len(digits)))
	zeros := 0
	for i := range len(text) {
		d := strings.IndexByte(digits, text[i])
		if d < 0 {
			return nil, errors.New("it holds characters that no CID has")
		}
		if d == 0 && zeros == i {
			zeros++
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(d)))
	}
	return append(make([]byte, zeros), n.Bytes()...), nil
}

// encodeDigits is the reverse of decodeDigits.
func encodeDigits(data []byte, digits string) string {
	n, base, rest := new(big.Int).SetBytes(data), big.NewInt(int64(len(digits))), new(big.Int)
	var out []byte
	for n.Sign() > 0 {
		n.DivMod(n, base, rest)
		out = append(out, digits[rest.Int64()])
	}
	for i := 0; i < len(data) && data[i] == 0; i++ {
		out = append(out, digits[0])
	}
	slices.Reverse(out)
	return string(out)
}
