package simulate

import (
	"reflect"
	"testing"
)

// TestAFailureInThePlaceOfAnEnd puts it where a word says that something is done that
// said that it goes on, and nowhere else.
func TestAFailureInThePlaceOfAnEnd(t *testing.T) {
	for _, tt := range []struct {
		was, is, bad string
		want         any
	}{
		{"running", "done", "", "failed"},
		{"RUNNING\n", "DONE\n", "", "FAILED\n"},
		{"Pending", "Completed", "", "Failed"},
		{"state: in_progress (40%)", "state: finished (100%)", "aborted", "state: aborted (100%)"},
		{"running", "running", "", nil},
		{"running", "failed", "", nil},
		{"queued", "running", "", nil}, // it goes on
		{"db1", "db2", "", nil},
		{"old", "new", "", nil},
		{"", "done", "", nil},
	} {
		w := &World{setup: Setup{BadWord: tt.bad}}
		if got := w.failing(tt.is, tt.was); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q after %q: %v, want %v", tt.is, tt.was, got, tt.want)
		}
	}
}

// TestBadWord finds what a script calls a failure, as it is written there.
func TestBadWord(t *testing.T) {
	for text, want := range map[string]string{
		`if s == "error" then fail("it failed") end`: "error",
		`if s == 'FAILED' then`:                      "FAILED",
		`until s ~= "running"`:                       "",
	} {
		if got := BadWord(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
