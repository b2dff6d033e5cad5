package interpreter_test

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// TestPeopleAnswer lets people of a role answer a runner that waits, which holds
// each word against those whom the run has pinned.
func TestPeopleAnswer(t *testing.T) {
	digest := effect.TokenDigest("rbt_secret")
	r := newRig(t)
	r.opts.People = func(pinned []byte) (effect.People, error) {
		if string(pinned) != "pinned" {
			t.Errorf("the people are read from %q", pinned)
		}
		return effect.People{"ann": {Roles: []string{"lead"}, Tokens: []effect.Token{{Digest: digest}}}, "bob": {Users: []string{r.opts.Owner.User}}}, nil
	}
	done := make(chan interpreter.Outcome, 1)
	go func() {
		out, err := r.engine().Start(patient(t), interpreter.Start{Loader: interpreter.Dir(r.dir), Params: given(nil), By: "test", Environment: []byte("pinned"),
			Main: script.Source{Name: "test.lua", Text: []byte(preamble + `local yes = approve { title = "go on?", by = { "lead" } } ledger.put_observe { item = yes.by[1] }`)}})
		if err != nil {
			t.Error(err)
		}
		done <- out
	}()
	r.seen.await(t, effect.QuestionAsked, 1)
	for _, c := range []struct {
		answer interpreter.Answer
		want   string
	}{
		{interpreter.Answer{By: "ann"}, "nothing in the configuration of run"},
		{interpreter.Answer{By: "ann", Via: "account"}, "nothing in the configuration of run"},
		{interpreter.Answer{By: "bob", Via: "account", Roles: []string{"lead"}}, "nothing in the configuration of run"},
		{interpreter.Answer{By: "bob", Via: "account"}, "bob may not answer \"go on?\": it asks lead (ann)"},
		{interpreter.Answer{By: "eve"}, "nothing in the configuration of run"}, // from bob's account
	} {
		c.answer.Run = r.run().ID
		if _, err := r.engine().Answer(t.Context(), c.answer); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.answer, err)
		}
	}
	// A word that another program has written counts as little.
	forged := effect.Event{At: r.opts.Clock.Now().UTC(), Kind: effect.QuestionAnswered, Place: "1",
		Body: effect.Body{By: "bob", Via: "account", User: r.opts.Owner.User, Roles: []string{"lead"}, Outcome: "approved"}}
	if _, err := r.db.Send(t.Context(), r.run().ID, forged, func([]effect.Event) error { return nil }); err != nil {
		t.Fatal(err)
	}
	r.seen.await(t, effect.QuestionAnswered, 1)
	ann := interpreter.Answer{Run: r.run().ID, By: "ann", Via: effect.ViaToken + digest[:12], Roles: []string{"lead"}}
	if _, err := r.engine().Answer(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	out := <-done
	r.ends(out, effect.StatusSucceeded)
	r.book.must(t).audit(t, []string{"ann"}, 0)
	r.replays(out.Run)
}
