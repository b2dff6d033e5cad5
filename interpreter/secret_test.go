package interpreter_test

import (
	"bytes"
	"errors"
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

// TestRollbackWithoutASecretParameter: what the run was started with may be
// another secret by now, or none. A rollback does not wait for it; what needs it
// fails, and can be rolled back again.
func TestRollbackWithoutASecretParameter(t *testing.T) {
	const value = "correct-horse-battery-staple"
	const text = `runbook { name = 'test', summary = 'Test', params = { token = { type = "secret", required = true } } }
local ledger = require 'ledger'
on_rollback(function() ledger.put_retry { item = "undo one" } end)
on_rollback(function() ledger.put_retry { item = "undo two", token = params.token } end)
on_rollback(function() pcall(ledger.put_retry, { item = "undo three", need = "correct-horse-battery-staple" }) end)
ledger.put_retry { item = "one", token = params.token }
ledger.put_retry { item = "two" }`
	secret := func(now string, err error) func(*interpreter.Options) {
		return func(o *interpreter.Options) {
			o.Secret = func(ref string) (effect.Secret, error) { return effect.NewSecret(ref, now), err }
		}
	}
	for name, now := range map[string]func(*interpreter.Options){
		"another": secret("another", nil), "none": secret("", errors.New("it is not set")),
	} {
		t.Run(name, func(t *testing.T) {
			r, dead := newRig(t), false
			out := r.begin(r.engine(dyingIn("2", 0, &dead)), patient(t), text, map[string]any{"token": effect.NewSecret("env:TOKEN", value)})
			r.ends(out, effect.StatusInterrupted)
			if _, err := r.engine(now).Resume(patient(t), out.Run, interpreter.ResumeOptions{}); err == nil {
				t.Error("a resume goes on")
			}
			rollBack := func(e *interpreter.Engine) interpreter.Outcome {
				if _, err := e.RequestRollback(t.Context(), interpreter.Request{Run: out.Run, By: "kim"}); err != nil {
					t.Fatal(err)
				}
				return r.resume(e, out.Run)
			}
			out = rollBack(r.engine(now))
			r.ends(out, effect.StatusRollbackFailed)
			if len(out.Rollbacks) != 1 || !strings.Contains(out.Rollbacks[0].Error(), "needs a secret, which cannot be asked for now: the secret parameter token") {
				t.Errorf("the rollbacks that failed: %v", out.Rollbacks)
			}
			shown := 0
			for _, ev := range r.events(out.Run) {
				if ev.Body.Error != nil && strings.Contains(ev.Body.Error.Message, value) {
					shown++
				}
			}
			if shown != 0 {
				t.Errorf("%d errors show the secret", shown)
			}
			r.ends(rollBack(r.engine(secret(value, nil))), effect.StatusRolledBack)
			if sent := r.book.must(t).pick(applied, "undo two"); len(sent) != 1 || !strings.Contains(sent[0].Args, value) {
				t.Errorf("the backend was sent %+v", sent)
			}
			if len(r.book.must(t).pick(applied, "undo one")) != 1 {
				t.Error("what does not need it was not taken back")
			}
		})
	}
}
