package journal

import (
	"strings"
	"testing"
)

// A column that somebody gave another type is no event's.
func TestInteger(t *testing.T) {
	db, _ := newDB(t)
	var n int64
	if err := db.conn.QueryRowContext(t.Context(), "SELECT 7").Scan((*integer)(&n)); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
	for text, want := range map[string]string{"'7'": "string", "7.0": "float64", "NULL": "<nil>", "x'07'": "[]uint8"} {
		err := db.conn.QueryRowContext(t.Context(), "SELECT "+text+" AS seq").Scan((*integer)(&n))
		if err == nil || !strings.Contains(err.Error(), `"seq": a `+want+" stands in the place of a whole number") {
			t.Errorf("%s gives %v", text, err)
		}
	}
}
