package http

import (
	"bytes"
	"encoding/json"
)

// EncodeJSON returns plain data as JSON on one line, keys sorted: what the
// argument json puts on the wire. It is not the form that journals have, which
// marks texts that are no UTF-8 and names that begin with "$".
func EncodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
