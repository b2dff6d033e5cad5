package replay_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// store is a world that keeps versions of a secret.
type store struct {
	mu     sync.Mutex
	values map[string]string // by version; "" for the newest
	newest string
	down   bool
	fault  *effect.Error // what it answers instead
	asked  []string      // verb and version
	sent   []string      // the tokens that writes came with
	// withheld counts calls whose texts are not to come back.
	withheld int
}

var getSecret = &effect.Op{Module: "t", Name: "get", Class: effect.Read, Recall: []string{"version"},
	Args: []effect.Field{{Name: "version", Type: effect.String}},
	Returns: []effect.Field{
		{Name: "value", Type: effect.String, Secret: true}, {Name: "version", Type: effect.String}}}

func (s *store) do(_ context.Context, call effect.Call) (effect.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call.Withhold {
		s.withheld++
	}
	if call.Op != getSecret {
		token, _ := call.Args["token"].(effect.Secret)
		s.sent = append(s.sent, string(call.Verb)+token.Reveal())
		if call.Verb == effect.VerbObserve {
			return effect.Result{Observed: effect.NotApplied}, nil
		}
		return effect.Result{Value: "done"}, nil
	}
	version, _ := call.Args["version"].(string)
	s.asked = append(s.asked, string(call.Verb)+" "+version)
	if version == "" {
		version = s.newest
	}
	value, ok := s.values[version]
	switch {
	case s.fault != nil:
		return effect.Result{}, s.fault
	case s.down:
		return effect.Result{}, effect.Errorf(effect.CodeUnavailable, "the store does not answer")
	case !ok:
		return effect.Result{}, effect.Errorf(effect.CodeGone, "version %s was revoked", version)
	}
	return effect.Result{Value: map[string]any{"value": value, "version": version}}, nil
}

// read performs the read of the secret and returns what the script gets.
func (s *store) read(t *testing.T, r *rig) any {
	t.Helper()
	r.world.answer = s.do
	res, err := r.Do(t.Context(), effect.Call{Place: "1", Op: getSecret, Class: effect.Read, Where: effect.Position{File: "a.lua", Line: 4}})
	fields, _ := res.Value.(map[string]any)
	if err != nil || fields["version"] != "7" || fields["value"] == nil {
		t.Fatalf("got %v, %v", res.Value, err)
	}
	return fields["value"]
}

// TestReturnedSecrets: what an op declares as a secret reaches the script and
// never the journal. A replay does not need it, and asks for the version that was
// read where something is carried out with it.
func TestReturnedSecrets(t *testing.T) {
	s := &store{values: map[string]string{"7": "hunter2"}, newest: "7"}
	live := newRig(t, nil)
	secret, ok := s.read(t, live).(effect.Secret)
	if !ok || secret.Reveal() != "hunter2" {
		t.Fatalf("got %v", secret)
	}
	live.do("t.retry", "2", args("token", secret))
	if lines := strings.Join(text(live.journal.all()), "\n"); strings.Contains(strings.ReplaceAll(lines, "digest-of-hunter2", ""), "hunter2") {
		t.Errorf("the journal holds the secret:\n%s", lines)
	}

	s.asked, s.sent = nil, nil
	again := live.resumed()
	token := args("token", s.read(t, again))
	again.do("t.retry", "2", token)
	if got := len(again.journal.all()); got != len(live.journal.all()) || len(s.asked)+len(s.sent) != 0 {
		t.Errorf("the replay recorded something (%d events), or asked for %q, or sent %q", got, s.asked, s.sent)
	}
	s.values["8"], s.newest = "swordfish", "8"
	again.do("t.observe", "3", token)
	again.do("t.read", "4", token)
	same(t, "asked for", s.asked, []string{"recall 7"})
	same(t, "sent", s.sent, []string{"hunter2", "hunter2"})
	again.finish()
}

// TestASecretThatIsGone: the record alone is not enough for what is carried out
// with a secret. What needs none goes on; what was begun is left to people.
func TestASecretThatIsGone(t *testing.T) {
	begun := func(name string) *rig {
		s := &store{values: map[string]string{"7": "hunter2"}, newest: "7"}
		r := newRig(t, nil)
		secret := s.read(t, r)
		if name != "" {
			r.killAt("2")
			r.stops(effect.Interrupted, name, "2", args("token", secret))
		}
		return r
	}
	for _, c := range []struct {
		name, begun, now string
		cause            effect.Cause
		down             bool
		says             []string
		other            bool // the store has another value by that version
	}{
		{"a new write", "", "t.retry", effect.Interrupted, false, []string{"version 7 was revoked", "bring it back and resume the run, or read a secret"}, false},
		{"another secret", "", "t.retry", effect.Interrupted, false, []string{"t.get returns another secret now"}, true},
		{"a new read", "", "t.read", effect.Interrupted, false, []string{"version 7 was revoked"}, false},
		{"one that is asked about", "t.observe", "t.observe", effect.Parked, false, []string{"version 7 was revoked", "say what happened"}, false},
		{"one that is sent again", "t.retry", "t.retry", effect.Parked, false, []string{"version 7 was revoked", "say what happened"}, false},
		{"one that people are asked about", "t.ask", "t.ask", effect.Parked, false, nil, false},
		{"a store that does not answer", "", "t.retry", effect.Interrupted, true, []string{"cannot be asked for now: the store does not answer", "resume the run when it can"}, false},
		{"a store that does not answer about what was begun", "t.observe", "t.observe", effect.Interrupted, true, []string{"resume the run when it can"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &store{values: map[string]string{"8": "swordfish"}, newest: "8", down: c.down}
			if c.other {
				s.values["7"] = "other"
			}
			var notes []string
			r := begun(c.begun).resumed(func(o *replay.Options) {
				o.Forget = c.down || c.other
				o.Note = func(line string) { notes = append(notes, line) }
			})
			token := args("token", s.read(t, r))
			if c.begun == "" {
				r.do("t.retry", "2") // needs none
			}
			place := effect.Place("3")
			if c.begun != "" {
				place = "2"
			}
			n := len(s.sent)
			stop := r.stops(c.cause, c.now, place, token)
			if len(s.sent) != n {
				t.Errorf("it was sent: %q", s.sent)
			}
			text := stop.Error()
			for _, want := range c.says {
				if !strings.Contains(text, want) || !strings.Contains(text, `needs a secret that t.get {} at a.lua:4 (effect 1) has returned`) {
					t.Errorf("it says %q, want %q", text, want)
				}
			}
			var lost *replay.SecretError
			if errors.As(stop, &lost) != (c.says != nil) || lost != nil && (lost.Place != place || lost.Gone() == c.down) {
				t.Errorf("got %+v", lost)
			}
			if len(notes) != 1 || !strings.Contains(notes[0], "a.lua:4") {
				t.Errorf("noted %q", notes)
			}
		})
	}
}
