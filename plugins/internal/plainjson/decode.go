// Package plainjson reads JSON that a backend was given into the plain data of
// package effect.
package plainjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Decode reads one JSON value. Whole numbers that a float64 cannot hold
// come as texts, so that an id stays what it is.
func Decode(data []byte) (any, error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // which tools of Windows write first
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("it is empty")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		line, column := position(data, offsetOf(err, dec))
		return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		line, column := position(data, dec.InputOffset())
		return nil, fmt.Errorf("line %d, column %d: more follows the first value", line, column)
	}
	return plain(v)
}

func offsetOf(err error, dec *json.Decoder) int64 {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Offset
	}
	return dec.InputOffset()
}

func position(data []byte, offset int64) (line, column int) {
	before := data[:min(max(offset, 0), int64(len(data)))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n') - 1
}

// plain turns the decoder's numbers into those of package effect.
func plain(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil || math.IsInf(f, 0) {
			return nil, fmt.Errorf("the number %s is too large", v)
		}
		if whole := !strings.ContainsAny(v.String(), ".eE"); whole && (math.Abs(f) > 1<<53 || strconv.FormatFloat(f, 'f', -1, 64) != v.String()) {
			return v.String(), nil
		}
		return f, nil
	case []any:
		for i := range v {
			if v[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = plain(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
