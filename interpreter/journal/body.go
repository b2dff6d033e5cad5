package journal

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// encodeBody returns b as it is stored. Members that are JSON already (args,
// value) keep their bytes, which a replay compares: nothing is escaped for
// HTML.
func encodeBody(b *effect.Body) (string, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(b); err != nil {
		return "", fmt.Errorf("encode event: %w", err)
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}
