package replay_test

import (
	"context"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestReturnedSecrets: what an op declares as a secret reaches the script and
// never the journal, and a replay asks for it again.
func TestReturnedSecrets(t *testing.T) {
	get := &effect.Op{Module: "t", Name: "get", Class: effect.Read, Returns: []effect.Field{
		{Name: "value", Type: effect.String, Secret: true}, {Name: "version", Type: effect.String}}}
	stored := func(value string) func(context.Context, effect.Call) (effect.Result, error) {
		return func(context.Context, effect.Call) (effect.Result, error) {
			return effect.Result{Value: map[string]any{"value": value, "version": "7"}}, nil
		}
	}
	ask := func(r *rig) (map[string]any, error) {
		res, err := r.Do(t.Context(), effect.Call{Place: "1", Op: get, Class: effect.Read})
		fields, _ := res.Value.(map[string]any)
		return fields, err
	}
	reveals := func(r *rig, want string) {
		t.Helper()
		fields, err := ask(r)
		secret, ok := fields["value"].(effect.Secret)
		if err != nil || !ok || secret.Reveal() != want || fields["version"] != "7" {
			t.Fatalf("got %v (%T), %v", fields, fields["value"], err)
		}
	}

	live := newRig(t, nil)
	live.world.answer = stored("hunter2")
	reveals(live, "hunter2")
	if lines := strings.Join(text(live.journal.all()), "\n"); strings.Contains(strings.ReplaceAll(lines, "digest-of-hunter2", ""), "hunter2") {
		t.Errorf("the journal holds the secret:\n%s", lines)
	}

	again := live.resumed()
	again.world.answer = stored("hunter2")
	reveals(again, "hunter2")
	if got := len(again.journal.all()); got != len(live.journal.all()) {
		t.Errorf("the replay recorded something: %d events", got)
	}

	changed := live.resumed()
	changed.world.answer = stored("other")
	if _, err := ask(changed); effect.AsStop(err) == nil || effect.AsError(err).Code != effect.CodeConflict {
		t.Errorf("a secret that has changed gives %v", err)
	}
}
