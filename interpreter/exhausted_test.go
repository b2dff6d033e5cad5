package interpreter_test

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// A function of a rollback that never ends fails alone, and fails in the replay,
// where it may have come further than it did.
func TestRollbackWithoutEndFailsAlone(t *testing.T) {
	r := newRig(t)
	out := r.begin(r.engine(), patient(t), preamble+`
on_rollback("first", function() ledger.put_retry { item = "undo first" } end)
on_rollback("endless", function()
  ledger.put_retry { item = "undo endless" }
  while true do local n = 0 for i = 1, 1e6 do n = n + i end now() end
end)
on_rollback("last", function() ledger.put_retry { item = "undo last" } end)
fail "no"`, nil)
	r.ends(out, effect.StatusRollbackFailed)
	if len(out.Rollbacks) != 1 || !strings.Contains(out.Rollbacks[0].Error(), "computed for more than") {
		t.Errorf("the rollbacks that failed: %v", out.Rollbacks)
	}
	r.book.must(t).audit(t, []string{"undo first", "undo endless", "undo last"}, 0)
	before := r.events(out.Run)
	if _, err := r.engine().Replay(t.Context(), out.Run, nil, nil); err != nil {
		t.Errorf("the replay: %v", err)
	}
	r.ends(r.rollBack(), effect.StatusRollbackFailed) // what failed is tried again, and nothing else
	if items := r.book.must(t).pick(applied, "").items(); items["undo first"] != 1 || items["undo last"] != 1 || items["undo endless"] != 2 {
		t.Errorf("applied: %v", items)
	}
	for i, ev := range r.events(out.Run)[:len(before)] {
		if ev.Kind != before[i].Kind || ev.Place != before[i].Place {
			t.Fatalf("event %d was changed", i+1)
		}
	}
}
