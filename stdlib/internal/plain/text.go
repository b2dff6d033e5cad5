package plain

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Text writes plain data for people: a string as it stands, all else as JSON.
func Text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // a function, or no number
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
