package vault

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

func TestConformance(t *testing.T) {
	s := start(t)
	s.put("api", obj{"key": "correct horse", "port": 5432})
	s.database()
	lease := must(t, s.backend(nil), "issue", "before", obj{"name": "database/creds/app"})["lease"].(string)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: s.on,
		Config: s.config(nil),
		Reads: []plugins.Request{{Op: "get", Args: obj{"name": "db/password"}}, {Op: "get", Args: obj{"name": "api#key"}}, {Op: "get", Args: obj{"name": "api#port", "version": "1"}},
			{Op: "get", Args: obj{"name": lease + "#password"}}},
		Writes: []plugins.Request{
			{Op: "rotate", Args: obj{"name": "db/password", "value": "correct horse"}},
			{Op: "rotate", Args: obj{"name": "db/password"}},
			{Op: "rotate", Args: obj{"name": "api#key"}},
			{Op: "revoke", Args: obj{"name": "db/password", "version": "1"}},
			{Op: "issue", Key: "issued", Args: obj{"name": "database/creds/app"}},
			{Op: "release", Args: obj{"lease": secrets.Lease(secrets.Leases, "issued")}},
		},
	})
}

// TestModelDoesWhatVaultDoes walks a server and the model of the module at random,
// and holds what they say against each other.
func TestModelDoesWhatVaultDoes(t *testing.T) {
	s := start(t)
	b, model := s.backend(nil), secrets.NewModel()
	if err := model.Load(obj{"seed": obj{"versions": []any{"1"}}}); err != nil {
		t.Fatal(err)
	}
	s.put("seed", obj{"value": "by hand"})
	w := &plugintest.Walk{Backend: b, Module: secrets.Module(), Model: model, Plain: func(_ string, result map[string]any) {
		delete(result, "value") // which a model makes up
	}}
	random := rand.New(rand.NewPCG(7, 26))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	for i := range 400 {
		op, args := pick("get", "get", "rotate", "revoke"), obj{"name": pick("seed", "a", "deep/er/b", "none")}
		switch op {
		case "get":
			if random.IntN(2) == 0 {
				args["version"] = strconv.Itoa(1 + random.IntN(12))
			}
		case "rotate":
			if args["name"] == "none" {
				continue
			}
			args["value"] = fmt.Sprint("a value ", i)
		case "revoke":
			args["version"] = strconv.Itoa(1 + random.IntN(12))
		}
		w.Step(t, op, args)
	}
	w.Showed(t, 5, "get", "rotate", "revoke", "get not_found", "get gone", "revoke not_found")
	w.Compared(t, "vault", s.on)
}

// TestRotate follows one secret, with fields that are not rotated, and effects that
// come again.
func TestRotate(t *testing.T) {
	s := start(t)
	b := s.backend(nil)
	s.put("db/app", obj{"user": "app", "password": "by hand", "port": 5432})
	if got := must(t, b, "get", "", obj{"name": "db/app#password"}); got["value"] != "by hand" || got["version"] != "1" {
		t.Errorf("%v", got)
	}
	made := must(t, b, "rotate", "k1", obj{"name": "db/app#password", "length": 40.0})
	if !reflect.DeepEqual(made, obj{"version": "2", "previous": "1"}) {
		t.Errorf("%v", made)
	}
	if got := s.read("db/app"); got["user"] != "app" || got["port"] != 5432.0 || len(got["password"].(string)) != 40 || len(got) != 4 {
		t.Errorf("beside the field there is %v", got)
	}
	if again := must(t, b, "rotate", "k1", obj{"name": "db/app#password"}); !reflect.DeepEqual(again, made) {
		t.Errorf("the same effect again: %v", again)
	}
	must(t, b, "rotate", "k2", obj{"name": "db/app#password", "value": "correct horse"})
	if again := must(t, b, "rotate", "k1", obj{"name": "db/app#password"}); !reflect.DeepEqual(again, made) {
		t.Errorf("the same effect again, after another: %v", again)
	}
	observe := func(key string, want effect.Observed) {
		t.Helper()
		seen, err := b.Observe(t.Context(), request(t, "rotate", key, obj{"name": "db/app#password"}))
		if err != nil || seen.State != want {
			t.Errorf("%s: %+v, %v", key, seen, err)
		}
	}
	observe("k1", effect.Applied)
	observe("k2", effect.Applied)
	observe("k3", effect.NotApplied)
	must(t, b, "revoke", "k4", obj{"name": "db/app", "version": "3"})
	observe("k3", effect.Uncertain) // it may have made what is gone
	if got := must(t, b, "get", "", obj{"name": "db/app#password"}); got["version"] != "2" {
		t.Errorf("the newest that is valid: %v", got)
	}
	if seen, err := b.Observe(t.Context(), request(t, "rotate", "k1", obj{"name": "new"})); err != nil || seen.State != effect.NotApplied {
		t.Errorf("a secret that is not there: %+v, %v", seen, err)
	}
	// A version that somebody deleted, and may restore, is none until then.
	s.order(http.MethodPost, "secret/delete/db/app", obj{"versions": []int{2}}, nil)
	if got := must(t, b, "get", "", obj{"name": "db/app#password"}); got["version"] != "1" {
		t.Errorf("with version 2 deleted: %v", got)
	}
	_, e := do(t, b, "get", "", obj{"name": "db/app#password", "version": "2"})
	plugintest.WantError(t, e, effect.CodeRefused, "version 2 of db/app was deleted", "undelete")
	_, e = do(t, b, "get", "", obj{"name": "db/app#password", "version": "3"})
	plugintest.WantError(t, e, effect.CodeGone, "version 3 of db/app was revoked")
	if left := must(t, b, "revoke", "k5", obj{"name": "db/app", "version": "2"}); !reflect.DeepEqual(left["valid"], []any{"1"}) {
		t.Errorf("%v", left)
	}
	_, e = do(t, b, "get", "", obj{"name": "db/app"})
	plugintest.WantError(t, e, effect.CodeNotFound, `no field "value"`, "password, port, user", "db/app#password")
	silent(t, e, "by hand")
}

// TestMarkIsTakenAlong: whoever changes another field by hand takes the mark of an
// effect into a version of theirs, which is not the effect's.
func TestMarkIsTakenAlong(t *testing.T) {
	s := start(t)
	b := s.backend(nil)
	s.put("db/app", obj{"user": "app", "value": "by hand"})
	made := must(t, b, "rotate", "k1", obj{"name": "db/app"})
	all := s.read("db/app")
	all["user"] = "another"
	s.put("db/app", all)
	check := func(what string) {
		t.Helper()
		if again := must(t, b, "rotate", "k1", obj{"name": "db/app"}); !reflect.DeepEqual(again, made) {
			t.Errorf("%s: the effect again makes %v, at first it made %v", what, again, made)
		}
		seen, err := b.Observe(t.Context(), request(t, "rotate", "k1", obj{"name": "db/app"}))
		if err != nil || seen.State != effect.Applied || !reflect.DeepEqual(seen.Value, any(made)) {
			t.Errorf("%s: observed %+v, %v", what, seen, err)
		}
	}
	check("with a version of somebody else's")
	must(t, b, "revoke", "k2", obj{"name": "db/app", "version": "2"})
	check("with the effect's own destroyed")
}

// TestRotateAtOnce lets many change one secret: each version follows the one that
// it was written after, and nobody's is lost.
func TestRotateAtOnce(t *testing.T) {
	s := start(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	versions := map[string]bool{}
	conflicts := 0
	const writers = 12
	for i := range writers {
		b := s.backend(nil) // as another process has it
		wg.Go(func() {
			for { // until it is through: each attempt has the same key
				v, e := do(t, b, "rotate", fmt.Sprint("k", i), obj{"name": "x"})
				mu.Lock()
				if e == nil {
					versions[v["version"].(string)] = true
					mu.Unlock()
					return
				}
				conflicts++
				mu.Unlock()
				if e.Code != effect.CodeConflict || !e.Retryable {
					t.Error(e)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := must(t, s.backend(nil), "get", "", obj{"name": "x"}); got["version"] != strconv.Itoa(writers) || len(versions) != writers {
		t.Errorf("the newest version is %v, the versions made are %v (%d conflicts)", got["version"], versions, conflicts)
	}
}

// TestRoomForVersions: the engine drops the oldest version for a new one; one that
// is valid is not dropped in silence.
func TestRoomForVersions(t *testing.T) {
	s := start(t)
	b := s.backend(nil)
	s.order(http.MethodPost, "secret/config", obj{"max_versions": 0}, nil)
	s.order(http.MethodPost, "secret/metadata/few", obj{"max_versions": 2}, nil)
	for _, c := range []struct {
		name string
		most int
	}{{"few", 2}, {"ten", 10}} {
		for i := range c.most {
			must(t, b, "rotate", fmt.Sprint("k", i), obj{"name": c.name})
		}
		_, e := do(t, b, "rotate", "more", obj{"name": c.name})
		plugintest.WantError(t, e, effect.CodeConflict, fmt.Sprintf("keeps %d versions", c.most), "would end version 1, which is valid", "nothing changed", "max_versions")
		must(t, b, "revoke", "r", obj{"name": c.name, "version": "1"})
		if made := must(t, b, "rotate", "more", obj{"name": c.name}); made["version"] != strconv.Itoa(c.most+1) {
			t.Errorf("%s: %v", c.name, made)
		}
	}
}
