package replay_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// TestWhatCouldShowASecret: what does not need a secret is not carried out either
// where it could return one that nobody can take out of it. One that was ended is
// done without; a person may say that the others are, too; and a rollback goes on
// with its texts withheld.
func TestWhatCouldShowASecret(t *testing.T) {
	fault := func(code effect.Code) func(*store) {
		return func(s *store) { s.fault = effect.Errorf(code, "asked in vain") }
	}
	cannot := "which cannot be asked for now, to be kept out of what comes back: asked in vain; nothing was sent; resume the run when it can"
	for _, c := range []struct {
		name    string
		now     func(*store)
		says    string // "" where it goes on
		resumes bool   // once the store answers
	}{
		{"a store that does not answer", fault(effect.CodeUnavailable), cannot, true},
		{"a token that has expired", fault(effect.CodeRefused), cannot, true},
		{"a variable that is not set", fault(effect.CodeNotFound), cannot, true},
		{"a key that is not whole", fault(effect.CodeInvalid), cannot, true},
		{"a backend that cannot", fault(effect.CodeUnsupported), cannot, true},
		{"a state of the moment", fault(effect.CodeConflict), cannot, true},
		{"another secret", func(s *store) { s.values["7"] = "other" }, "t.get returns another secret now; nothing was sent; bring the old one back", true},
		{"one that was revoked", func(s *store) { delete(s.values, "7") }, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &store{values: map[string]string{"7": "hunter2"}, newest: "7"}
			first := newRig(t, nil)
			s.read(t, first)
			resumed := func(mend ...func(*replay.Options)) *rig {
				r := first.resumed(mend...)
				s.read(t, r)
				return r
			}
			c.now(s)
			for _, op := range []string{"t.read", "t.retry"} {
				r := resumed()
				_, err := r.try(op, "2")
				if c.says == "" {
					if err != nil || s.withheld != 0 {
						t.Errorf("%s: %v, withheld %d", op, err, s.withheld)
					}
					continue
				}
				stop := wantStop(t, effect.Interrupted, nil, err)
				var lost *replay.SecretError
				if !errors.As(stop, &lost) || !lost.Shown || lost.Place != "2" || !strings.Contains(stop.Error(), c.says) ||
					!strings.Contains(stop.Error(), op+" at a.lua:1 (effect 2) could show a secret that t.get {} at a.lua:4 (effect 1) has returned") {
					t.Errorf("it says %q", stop)
				}
				if n := len(r.journal.all()); n != len(first.journal.all()) || len(s.sent) != 0 {
					t.Errorf("%s: %d events are recorded; sent: %q", op, n, s.sent)
				}
			}
			if c.says == "" {
				return
			}
			if needs := first.resumed(); s.fault != nil { // what needs it says so
				if stop := needs.stops(effect.Interrupted, "t.retry", "2", args("token", s.read(t, needs))); !strings.Contains(stop.Error(), "(effect 2) needs a secret") {
					t.Errorf("it says %q", stop)
				}
			}

			var notes []string
			forgets := resumed(func(o *replay.Options) {
				o.Forget, o.Note = true, func(line string) { notes = append(notes, line) }
			})
			forgets.do("t.retry", "2")
			if s.withheld != 0 || len(notes) != 1 || !strings.Contains(notes[0], "it would not be seen") {
				t.Errorf("told to forget it: withheld %d, noted %q", s.withheld, notes)
			}

			notes = nil
			undoing := resumed(func(o *replay.Options) { o.Note = func(line string) { notes = append(notes, line) } })
			if s := undoing.BeginRollback(); s != nil {
				t.Fatal(s)
			}
			undoing.do("t.retry", "r1.1.1")
			undoing.do("t.read", "r1.1.2")
			if s.withheld != 2 || len(notes) != 1 || !strings.Contains(notes[0], "texts that effects return are withheld") {
				t.Errorf("in a rollback: withheld %d, noted %q", s.withheld, notes)
			}

			s.values["7"], s.fault, s.withheld = "hunter2", nil, 0
			again := resumed()
			again.do("t.retry", "2")
			again.finish()
			if s.withheld != 0 {
				t.Error("withheld although it is known")
			}
		})
	}
}

// TestRollbackGoesOnWithoutASecret: what needs one that cannot be asked for fails,
// as recorded as any failure; what does not is carried out.
func TestRollbackGoesOnWithoutASecret(t *testing.T) {
	s := &store{values: map[string]string{"7": "hunter2"}, newest: "7"}
	first := newRig(t, nil)
	s.read(t, first)
	s.fault = effect.Errorf(effect.CodeRefused, "asked in vain")
	r := first.resumed()
	token := args("token", s.read(t, r))
	if s := r.BeginRollback(); s != nil {
		t.Fatal(s)
	}
	_, err := r.try("t.retry", "r1.1.1", token)
	if e := effect.AsError(err); effect.AsStop(err) != nil || e == nil || e.Code != effect.CodeRefused || !strings.Contains(e.Message, "cannot be asked for now: asked in vain") ||
		!strings.Contains(e.Hint, "roll back again") {
		t.Errorf("got %v", err)
	}
	if len(s.sent) != 0 {
		t.Errorf("sent: %q", s.sent)
	}
	r.do("t.retry", "r1.2.1")
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}
