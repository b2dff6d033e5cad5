package interpreter_test

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// A question for which a run stopped is not waited for once a branch beside it
// has failed, and nobody is asked any more.
func TestQuestionBesideABranchThatFails(t *testing.T) {
	for _, wait := range []string{`sleep "20ms"`, `approve "a?"`} {
		t.Run(wait, func(t *testing.T) {
			r := newRig(t)
			out := r.begin(r.engine(detached), patient(t), preamble+`
local ok, e = pcall(parallel, {
  a = function() `+wait+` fail "a fails" end,
  b = function() approve "b?" ledger.put_retry { item = "b" } end,
})
ledger.put_retry { item = "after", note = e.message }`, nil)
			if strings.HasPrefix(wait, "approve") {
				r.ends(out, effect.StatusWaiting)
				if _, err := r.engine().Answer(t.Context(), interpreter.Answer{Run: out.Run, By: "ann", Place: "1.a.1"}); err != nil {
					t.Fatal(err)
				}
				out = r.resume(r.engine(detached), out.Run)
			}
			r.ends(out, effect.StatusSucceeded)
			r.book.must(t).audit(t, []string{"after"}, 0)
			if open := history.Of(r.events(out.Run)).Questions(); len(open) > 0 {
				t.Errorf("it still asks %s", open[0].Place)
			}
			if _, err := r.engine().Replay(t.Context(), out.Run, nil, nil); err != nil {
				t.Errorf("the replay: %v", err)
			}
		})
	}
}
