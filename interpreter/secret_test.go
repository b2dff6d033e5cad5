package interpreter_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestSecrets looks for a secret's value in every byte that the journal has on
// disk, after it went through results and errors.
func TestSecrets(t *testing.T) {
	const value = "correct-horse-battery-staple"
	const text = `runbook { name = 'test', summary = 'Test', params = { token = { type = "secret", required = true } } }
local ledger = require 'ledger'
ledger.put_retry { item = "one", token = params.token }
local ok, e = pcall(ledger.put_retry, { item = "two", token = params.token, need = "nothing" })
log.info(e.message)
log.info { text = "a table", why = tostring(params.token) }
ledger.put_retry { item = "three", note = e.message, token = params.token }`
	r := newRig(t)
	dead := false
	out := r.begin(r.engine(dyingIn("3", 1, &dead)), patient(t), text,
		map[string]any{"token": effect.NewSecret("env:TOKEN", value)})
	r.ends(out, effect.StatusInterrupted)

	secret := func(now string) func(*interpreter.Options) {
		return func(o *interpreter.Options) {
			o.Secret = func(ref string) (effect.Secret, error) { return effect.NewSecret(ref, now), nil }
		}
	}
	n := len(r.events(out.Run))
	_, err := r.engine(secret("another")).Resume(patient(t), out.Run, interpreter.ResumeOptions{})
	if err == nil || !strings.Contains(err.Error(), "token (env:TOKEN) is not what it was") || strings.Contains(err.Error(), "another") {
		t.Errorf("a resume with another secret gives %v", err)
	}
	if len(r.events(out.Run)) != n || r.run().Holder != nil {
		t.Error("the refused resume has changed the journal")
	}
	if _, err := r.engine().Replay(patient(t), out.Run, nil, nil); err != nil {
		t.Errorf("the run does not replay without the secret: %v", err)
	}
	r.ends(r.resume(r.engine(secret(value)), out.Run), effect.StatusSucceeded)
	r.book.must(t).audit(t, []string{"one", "three"}, 0)
	sent := r.book.must(t).pick(applied, "three")
	if len(sent) != 1 || !strings.Contains(sent[0].Args, value) || strings.Count(sent[0].Args, value) != 1 {
		t.Errorf("the backend was sent %+v", sent)
	}
	if bytes.Contains(r.files(), []byte(value)) {
		t.Error("the journal's files hold the secret")
	}
	if !bytes.Contains(r.files(), []byte("[secret env:TOKEN]")) {
		t.Error("the journal's files do not name the secret: the test looks in the wrong place")
	}
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	for _, ev := range r.seen.events {
		if strings.Contains(ev.Body.Text, value) || bytes.Contains(ev.Body.Value, []byte(value)) {
			t.Errorf("the watcher was told the secret: %+v", ev)
		}
	}
}
