package model

import (
	"strings"
	"testing"
)

// TestNear: an entry that was meant and does not count is named.
func TestNear(t *testing.T) {
	s := NewScripted("db")
	for _, said := range []string{"UPDATE payout", "SELECT id", "select count(*) from orders"} {
		s.Replies[said] = map[string]any{}
	}
	for text, want := range map[string]string{
		"UPDATE payouts SET a = 1":     `"UPDATE payout" is close`,
		"SELECT  count(*) FROM orders": `"select count(*) from orders" is close`,
		"SELECT id FROM orders":        "",
		"DELETE FROM orders":           "",
		"UPDATE payout SET a = 1":      "",
		"UP":                           "",
	} {
		if got := s.Near(text); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}
}
