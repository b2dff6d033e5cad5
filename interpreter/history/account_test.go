package history_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

func TestTell(t *testing.T) {
	list := events(t, `
run.created - shift
step.entered ~1 one
effect.done 1 t.read
step.entered 2.a.~1 two
question.asked 2.b.1 run.approve
step.left 2.a.~2
branch.left 2.a
gated 3.~1 x
logged ~3 warn
question.answered 2.b.1 x
status.changed - waiting
status.changed - running ann
effect.intended 4 t.write
effect.observed 4 unknown
effect.resolved 4 not_applied
step.left ~4 no
rollback.requested - x
rollback.started - x
effect.intended r1.1.1 t.write
effect.done r1.1.1 t.write
branch.left r1.1 undo
status.changed - rolled_back`)
	list[7].Body.Value = json.RawMessage(`{"env":"green"}`)
	list[9].Body.By, list[9].Body.Outcome = "bob", "approved"
	list[14].Body.By = "kim"
	a := history.Tell(list)
	var visits, words []string
	for _, v := range a.Visits {
		visits = append(visits, fmt.Sprintf("%s/%d %d-%d %v %v", v.Name, v.Depth, v.At.Unix(), v.Left.Unix(), v.Err != nil, v.Rollback))
	}
	if got := strings.Join(visits, "; "); got != "one/0 1-15 true false; two/1 3-5 false false; undo/0 18-20 false true" {
		t.Errorf("visits: %s", got)
	}
	for _, w := range a.Words {
		words = append(words, strings.TrimSpace(w.About+" "+w.By+" "+w.Outcome))
	}
	if got := strings.Join(words, "; "); got != "answer bob approved; resumed ann; observed  unknown; resolved kim not_applied; rollback" {
		t.Errorf("words: %s", got)
	}
	if len(a.Gates) != 1 || a.Gates[0].Place != "3" || a.Gates[0].Values["env"] != "green" || len(a.Notes) != 1 || a.Notes[0].Level != "warn" {
		t.Errorf("gates %+v, notes %+v", a.Gates, a.Notes)
	}
	if a.Created.Body.Name != "shift" || !a.Ended().Equal(time.Unix(21, 0)) || a.Status != effect.StatusRolledBack || len(a.Effects) != 4 {
		t.Errorf("the run: %+v, ended %v, %s, %d effects", a.Created, a.Ended(), a.Status, len(a.Effects))
	}
}
