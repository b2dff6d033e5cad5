package db

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

// TestAStatementThatWasMeant: an entry that ends within a word is no answer, and is
// named.
func TestAStatementThatWasMeant(t *testing.T) {
	r := modeltest.New(t, Module(), map[string]any{"statements": map[string]any{"SELECT id FROM payout": map[string]any{"rows": []any{}}}})
	r.Fails("query", map[string]any{"sql": "SELECT id FROM payouts"}, effect.CodeUnsupported, `nobody said what "SELECT id FROM payouts" returns`,
		`"SELECT id FROM payout" is close, and does not count`, "whole words")
}
