package versions

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestEnded: only what was ended for good is gone. A resume goes on without it;
// about the rest it asks again.
func TestEnded(t *testing.T) {
	list := []version{{1, "a", true}, {3, "b", false}}
	for wanted, code := range map[string]effect.Code{"1": effect.CodeGone, "2": effect.CodeNotFound, "4": effect.CodeNotFound} {
		if _, e := choose("db/password", list, wanted); e == nil || e.Code != code {
			t.Errorf("version %s: %v, want %s", wanted, e, code)
		}
	}
	if v, e := choose("db/password", list, "3"); e != nil || v.number != 3 {
		t.Errorf("got %v, %v", v, e)
	}
}
