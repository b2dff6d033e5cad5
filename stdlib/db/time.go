package db

import (
	"fmt"
	"math"
	"time"
)

// ParseTime reads a moment as scripts give it: seconds since 1970, as now()
// returns them, or a text in the form of RFC 3339.
func ParseTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case float64:
		return time.UnixMicro(int64(math.Round(v * 1e6))).UTC(), nil // a number holds no more than that
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t.UTC(), nil
		}
		return time.Time{}, fmt.Errorf("wants a time like \"2026-01-31T03:00:00Z\", got %q", v)
	}
	return time.Time{}, fmt.Errorf("wants seconds since 1970 or a time like \"2026-01-31T03:00:00Z\"")
}
