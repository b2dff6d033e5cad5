package db

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestLocked: a lock of what a statement changes is one, whatever its first part.
func TestLocked(t *testing.T) {
	for _, c := range []struct {
		sql, lock string
		want      bool
	}{
		{"UPDATE payouts SET done = true", "payments/payouts", false},
		{`insert into "shop"."payouts" VALUES (1)`, "payments/payouts", false},
		{"UPDATE accounts SET done = true", "payments/payouts", true},
		{"UPDATE accounts SET done = true", "db/payouts", false},
		{"UPDATE payouts SET done = true", "", true},
		{"VACUUM payouts", "payments/payouts", true},
	} {
		v := &effect.View{}
		if c.lock != "" {
			v.Locks = []string{c.lock}
		}
		e := effect.Occurrence{Module: "db", Name: "exec", Class: effect.Write, Args: map[string]any{"sql": c.sql}}
		if got := locked().After(v, e); (got != "") != c.want {
			t.Errorf("%s under %q: %q", c.sql, c.lock, got)
		}
	}
}
