package effect

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxNesting bounds the nesting of JSON: an escaped map counts twice.
const maxNesting = 2 * (maxDepth + 1)

// Decode reads what Encode wrote. Secrets come back as Sealed.
func Decode(data []byte) (any, error) {
	d := decoder{text: string(data)}
	v, err := d.value(0)
	if err == nil && d.peek() != end {
		err = d.fail("text after the value")
	}
	if err == nil {
		v, err = fromPlain(v)
	}
	if err != nil {
		return nil, fmt.Errorf("decode value: %w", err)
	}
	return v, nil
}

// decoder reads JSON from the front, without reflection: it stands on the way
// of every effect. Strings without escapes are slices of text.
type decoder struct {
	text string
	pos  int
}

// end is what peek returns behind the last byte; JSON has no such byte.
const end = 0

// peek returns the next byte that is not space.
func (d *decoder) peek() byte {
	for ; d.pos < len(d.text); d.pos++ {
		switch c := d.text[d.pos]; c {
		case ' ', '\t', '\r', '\n':
		case end:
			return 1 // a NUL is no end, and no JSON either
		default:
			return c
		}
	}
	return end
}

func (d *decoder) fail(problem string) error {
	return fmt.Errorf("%s at byte %d", problem, d.pos)
}

func (d *decoder) value(depth int) (any, error) {
	switch c := d.peek(); {
	case depth >= maxNesting && (c == '{' || c == '['):
		return nil, d.fail("nested too deep")
	case c == '{':
		return d.object(depth + 1)
	case c == '[':
		return d.list(depth + 1)
	case c == '"':
		return d.quoted()
	case c == '-' || '0' <= c && c <= '9':
		return d.number()
	}
	for _, w := range [...]struct {
		text  string
		value any
	}{{"null", nil}, {"true", true}, {"false", false}} {
		if rest := d.text[d.pos:]; len(rest) >= len(w.text) && rest[:len(w.text)] == w.text {
			d.pos += len(w.text)
			return w.value, nil
		}
	}
	return nil, d.fail("no value")
}

// list reads elements; the next byte is the bracket.
func (d *decoder) list(depth int) (any, error) {
	d.pos++
	list := []any{}
	if d.peek() == ']' {
		d.pos++
		return list, nil
	}
	for {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch d.peek() {
		case ',':
			d.pos++
		case ']':
			d.pos++
			return list, nil
		default:
			return nil, d.fail("a list goes on with no comma")
		}
	}
}

// object reads a map; the next byte is the brace.
func (d *decoder) object(depth int) (any, error) {
	d.pos++
	m := map[string]any{}
	if d.peek() == '}' {
		d.pos++
		return m, nil
	}
	for {
		if d.peek() != '"' {
			return nil, d.fail("a key has no quote")
		}
		key, err := d.quoted()
		if err != nil {
			return nil, err
		}
		if d.peek() != ':' {
			return nil, d.fail("a key has no colon")
		}
		d.pos++
		if m[key], err = d.value(depth); err != nil {
			return nil, err
		}
		switch d.peek() {
		case ',':
			d.pos++
		case '}':
			d.pos++
			return m, nil
		default:
			return nil, d.fail("an object goes on with no comma")
		}
	}
}

// quoted reads a string; the next byte is the quote. What has escapes is left
// to encoding/json.
func (d *decoder) quoted() (string, error) {
	start, plain := d.pos, true
	for d.pos++; d.pos < len(d.text); d.pos++ {
		switch c := d.text[d.pos]; {
		case c == '"':
			d.pos++
			s := d.text[start+1 : d.pos-1]
			if plain && utf8.ValidString(s) {
				return s, nil
			}
			if err := json.Unmarshal([]byte(d.text[start:d.pos]), &s); err != nil {
				return "", d.fail("a string with a bad escape")
			}
			return s, nil
		case c == '\\':
			d.pos++
			plain = false
		case c < ' ':
			return "", d.fail("a control character in a string")
		}
	}
	return "", d.fail("a string without an end")
}

// number reads a number; whole ones of usual size are read here.
func (d *decoder) number() (any, error) {
	const usual = 15 // digits, which float64 holds exactly
	start, n, whole := d.pos, 0.0, true
	for ; d.pos < len(d.text); d.pos++ {
		c := d.text[d.pos]
		if '0' <= c && c <= '9' {
			n = 10*n + float64(c-'0')
			continue
		}
		if c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		whole = false
	}
	word := d.text[start:d.pos]
	if whole && len(word) <= usual && (word[0] != '0' || len(word) == 1) {
		return n, nil
	}
	if !json.Valid([]byte(word)) {
		return nil, d.fail("a malformed number")
	}
	n, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return nil, d.fail("a number out of range")
	}
	return n, nil
}

// fromPlain puts values in the place of what stands for them in JSON.
func fromPlain(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			d, err := fromPlain(e)
			if err != nil {
				return nil, err
			}
			v[i] = d
		}
		return v, nil
	case map[string]any:
		return mapFromPlain(v)
	}
	return v, nil
}

func mapFromPlain(m map[string]any) (any, error) {
	if s, ok := m["$bytes"].(string); ok && len(m) == 1 {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return nil, fmt.Errorf("$bytes: %w", err)
		}
		return string(b), nil
	}
	if name, ok := m["$secret"].(string); ok && len(m) == 2 {
		digest, ok := m["digest"].(string)
		if !ok {
			return nil, errors.New("$secret without a digest")
		}
		return Sealed{name, digest}, nil
	}
	if inner, ok := m["$map"].(map[string]any); ok && len(m) == 1 {
		m = inner
	}
	for k, e := range m {
		switch e.(type) {
		case []any, map[string]any:
			d, err := fromPlain(e)
			if err != nil {
				return nil, err
			}
			m[k] = d
		}
	}
	return m, nil
}
