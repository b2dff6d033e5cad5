package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// FromError returns err for the wire; nil for nil. Text that is not UTF-8 is
// mended, and what is too long is cut: protobuf would refuse the message, and
// the outcome with it.
func FromError(err error) *Error {
	e := effect.AsError(err)
	if e == nil {
		return nil
	}
	return &Error{Code: Text(cut(string(e.Code), maxName)), Message: Text(cut(e.Message, maxText)), Op: Text(cut(e.Op, maxName)),
		Retryable: e.Retryable, Hint: Text(cut(e.Hint, maxText))}
}

// ToError returns the error that came over the wire; nil for nil.
func ToError(e *Error) *effect.Error {
	if e == nil {
		return nil
	}
	code := effect.Code(e.GetCode())
	if code == "" {
		code = effect.CodeInternal
	}
	return &effect.Error{Code: effect.Code(cut(string(code), maxName)), Message: cut(e.GetMessage(), maxText), Op: cut(e.GetOp(), maxName),
		Retryable: e.GetRetryable(), Hint: cut(e.GetHint(), maxText)}
}

const (
	maxText = 64 << 10 // of an error, in bytes
	maxName = 128      // of a code, of an op
)

// cut shortens a text, between two characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Text returns s as protobuf takes it: UTF-8.
func Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// EncodeArgs returns arguments or configuration for the wire. This is the one
// place where a secret becomes a plain string. The digest of a secret, of which only
// the digest is left, is an error.
func EncodeArgs(args map[string]any) ([]byte, error) {
	plain, err := reveal(args)
	if err != nil {
		return nil, err
	}
	if args == nil {
		plain = map[string]any{}
	}
	return effect.Encode(plain, nil)
}

// DecodeArgs reads what EncodeArgs wrote; nothing at all is an empty table.
func DecodeArgs(data []byte) (map[string]any, error) {
	v, err := DecodeValue(data)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return map[string]any{}, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("decode arguments: want an object, got %.40q", data)
	}
	return m, nil
}

// Fits reports whether a value is too large to be returned. It is looked at
// before it is decoded: what is decoded takes a multiple.
func Fits(data []byte) error {
	if weight := effect.Weight(data); weight > effect.MaxResult {
		return fmt.Errorf("it has %d bytes and weighs %d MiB in memory, at most %d can be returned; let the op return less: a part, a count, or the name of a file",
			len(data), weight>>20, effect.MaxResult>>20)
	}
	return nil
}

// DecodeResult is DecodeValue for what a backend returned.
func DecodeResult(data []byte) (any, error) {
	if err := Fits(data); err != nil {
		return nil, err
	}
	return DecodeValue(data)
}

// DecodeValue reads canonical JSON; nothing at all is nil.
func DecodeValue(data []byte) (any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	return effect.Decode(data)
}

func reveal(v any) (any, error) {
	switch v := v.(type) {
	case effect.Secret:
		return v.Reveal(), nil
	case effect.SecretDigest:
		return nil, fmt.Errorf("%s cannot be sent: only its digest was recorded", v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			p, err := reveal(e)
			if err != nil {
				return nil, err
			}
			out[i] = p
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			p, err := reveal(e)
			if err != nil {
				return nil, err
			}
			out[k] = p
		}
		return out, nil
	}
	return v, nil
}

// EncodeDeclarations returns a list of effect.Op or effect.Field as JSON.
func EncodeDeclarations[T effect.Op | effect.Field](list []T) ([]byte, error) {
	return json.Marshal(list)
}

// DecodeDeclarations reads what EncodeDeclarations wrote. A member that this
// program does not know is an error: half understood, a declaration would
// promise what nobody checks.
func DecodeDeclarations[T effect.Op | effect.Field](data []byte) ([]T, error) {
	if len(data) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var list []T
	if err := dec.Decode(&list); err != nil {
		return nil, fmt.Errorf("decode declarations: %w", err)
	}
	return list, nil
}
