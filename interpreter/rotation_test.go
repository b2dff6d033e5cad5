package interpreter_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestRotationKilledAtEveryBoundary: a run that exchanges a secret goes on
// wherever its runner is killed, also where what it has read first is revoked, and
// sends to each consumer the version that it was to get.
func TestRotationKilledAtEveryBoundary(t *testing.T) {
	items := []string{"old works", "rotate", "hand a", "hand b", "new works", "old works still", "revoke 1", "done"}
	tokens := map[string]string{"old works": "1", "old works still": "1", "hand a": "2", "hand b": "2", "new works": "2", "done": "2"}
	sound := func(t *testing.T, j job, kills int) {
		list := j.book().must(t)
		slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return e.Op == "secret" }).audit(t, items, kills)
		for item, version := range tokens {
			for _, e := range append(list.pick(received, item), list.pick(observed, item)...) {
				if !strings.Contains(e.Args, "value-of-version-"+version) {
					t.Errorf("%s was sent with %s, want version %s", item, e.Args, version)
				}
			}
		}
		for _, file := range []string{j.db(), j.db() + "-wal"} {
			if data, _ := os.ReadFile(file); bytes.Contains(data, []byte("value-of-version")) {
				t.Errorf("the secret stands in %s", file)
			}
		}
	}
	for _, hold := range []time.Duration{time.Hour, -1} {
		j := newJob(t, "rotation.lua")
		j.Hold = hold
		calm := j.must(t)
		if calm.Status != effect.StatusSucceeded {
			t.Fatalf("undisturbed, the run is %s: %s", calm.Status, calm.Err)
		}
		sound(t, j, 0)
		t.Run(fmt.Sprint("hold ", hold), func(t *testing.T) {
			for at := 1; at <= len(calm.Points); at += sample() {
				t.Run(fmt.Sprintf("%03d %s", at, calm.Points[at-1]), func(t *testing.T) {
					t.Parallel()
					j := newJob(t, "rotation.lua")
					j.Hold, j.At, j.How = hold, at, "kill"
					j.start(t).wait()
					if r := j.again(t).must(t); r.Status != effect.StatusSucceeded {
						t.Errorf("the run is %s: %s", r.Status, r.Err)
					}
					sound(t, j, 1)
				})
			}
		})
	}
}

// TestRollbackWithoutASecret: what a rollback has to do without a secret that is
// gone fails, and keeps nothing else from being taken back.
func TestRollbackWithoutASecret(t *testing.T) {
	const text = preamble + `local old = ledger.secret {}
on_rollback(function() ledger.put_retry { item = "undo one" } end)
ledger.put_retry { item = "one" }
on_rollback(function() ledger.%s { item = "undo two", token = old.value } end)
ledger.put_retry { item = "rotate" }
ledger.put_retry { item = "revoke 1" }
ledger.put_observe { item = "fails", need = "nothing" }`
	for _, op := range []string{"put_retry", "put_observe", "put_ask"} {
		r, dead := newRig(t), false
		out := r.begin(r.engine(dyingIn("5", 1, &dead)), patient(t), fmt.Sprintf(text, op), nil)
		r.ends(out, effect.StatusInterrupted)
		out = r.resume(r.engine(), out.Run)
		r.ends(out, effect.StatusRollbackFailed)
		if len(out.Rollbacks) != 1 || !strings.Contains(out.Rollbacks[0].Error(), "needs a secret that ledger.secret {} at test.lua:3 (effect 1) has returned, and that is gone: version 1 was revoked") {
			t.Errorf("the rollbacks that failed: %v", out.Rollbacks)
		}
		r.book.must(t).audit(t, []string{"one", "rotate", "revoke 1", "undo one"}, 1)
		if _, err := r.engine().Replay(patient(t), out.Run, nil, nil); err != nil {
			t.Errorf("it does not replay: %v", err)
		}
	}
}
