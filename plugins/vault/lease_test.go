package vault

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

// issuing returns the policy that the page of the backend names for issuing.
func issuing(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/backends/vault.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(page), "\n```hcl\n")
	policy, _, found := strings.Cut(parts[len(parts)-1], "\n```")
	if len(parts) != 3 || !found {
		t.Fatal("the page has no second policy")
	}
	return policy
}

// token makes one that has a policy and lives so long.
func (s *server) token(policy, ttl string) string {
	s.t.Helper()
	s.order(http.MethodPost, "sys/policies/acl/runs", obj{"policy": policy}, nil)
	var made struct {
		Auth struct {
			Token string `json:"client_token"`
		}
	}
	s.order(http.MethodPost, "auth/token/create", obj{"policies": []string{"runs"}, "ttl": ttl}, &made)
	return made.Auth.Token
}

// TestIssue follows a credential from its making to its end, with no more rights
// than the page names.
func TestIssue(t *testing.T) {
	s := start(t)
	d := s.database()
	b := s.backend(obj{"token": s.token(issuing(t), "3h")})
	args := obj{"name": "database/creds/app", "ttl": "1h"} // more than the role gives unasked
	began := time.Now()
	made := must(t, b, "issue", "k1", args)
	if ends := time.Unix(int64(made["expires"].(float64)), 0); ends.Before(began.Add(time.Hour-rounding)) || ends.After(time.Now().Add(time.Hour+outlasts)) {
		t.Errorf("it ends at %v, issued at %v", ends, began)
	}
	if again := must(t, s.backend(nil), "issue", "k1", args); !reflect.DeepEqual(again, made) || d.users() != 1 {
		t.Errorf("the same effect again gives %v, at first %v, and there are %d users", again, made, d.users())
	}
	lease := made["lease"].(string)
	if !d.enters(b, lease) || !d.enters(s.backend(nil), lease) {
		t.Error("the credential does not open the database")
	}
	_, e := do(t, b, "get", "", obj{"name": lease})
	plugintest.WantError(t, e, effect.CodeNotFound, `no field "value"`, "password, username")
	_, e = do(t, b, "get", "", obj{"name": lease + "#username", "version": "2"})
	plugintest.WantError(t, e, effect.CodeNotFound, "no version 2")
	for op, args := range map[string]obj{"rotate": {"name": lease + "#password"}, "revoke": {"name": lease, "version": "1"}} {
		_, e = do(t, s.backend(nil), op, "k", args)
		plugintest.WantError(t, e, effect.CodeInvalid, "was issued", "secrets.release")
	}
	password := must(t, b, "get", "", obj{"name": lease + "#password"})["value"].(string)
	name := must(t, b, "get", "", obj{"name": lease + "#username"})["value"].(string)
	for range 2 {
		if got := must(t, b, "release", "k2", obj{"lease": lease}); got["lease"] != lease {
			t.Errorf("%v", got)
		}
	}
	if _, err := d.as(name, password, "SELECT 1"); err == nil || d.users() != 0 {
		t.Errorf("after its release it opens the database, or is there: %d users, %v", d.users(), err)
	}
	_, e = do(t, b, "get", "", obj{"name": lease + "#username", "version": "1"})
	plugintest.WantError(t, e, effect.CodeGone, "has ended")
	_, e = do(t, b, "issue", "k1", args)
	plugintest.WantError(t, e, effect.CodeGone, "was released")
}

// TestIssueIsRefused: what is not issued leaves nothing, and says why.
func TestIssueIsRefused(t *testing.T) {
	s := start(t)
	d := s.database()
	b := s.backend(nil)
	app := obj{"name": "database/creds/app", "ttl": "1h"}
	for what, c := range map[string]struct {
		by   *Backend
		args obj
		code effect.Code
		says []string
	}{
		"no path":                  {b, obj{"name": "database//app"}, effect.CodeInvalid, []string{"no path", "database/creds/app"}},
		"no such role":             {b, obj{"name": "database/creds/none"}, effect.CodeNotFound, []string{"issues nothing", "none"}},
		"no such engine":           {b, obj{"name": "nowhere/creds/app"}, effect.CodeNotFound, []string{"issues nothing"}},
		"a secret that is kept":    {b, obj{"name": "secret/config"}, effect.CodeInvalid, []string{"without a lease", "secrets.get"}},
		"the role allows less":     {b, obj{"name": "database/creds/app", "ttl": "3h"}, effect.CodeRefused, []string{"live for 2h, and 3h are wanted", "max_ttl"}},
		"the token ends before":    {s.backend(obj{"token": s.token(issuing(t), "20m")}), app, effect.CodeRefused, []string{"token_ttl", "1h are wanted"}},
		"no right to issue":        {s.backend(obj{"token": s.token(strings.Replace(issuing(t), "creds/app", "creds/web", 1), "3h")}), app, effect.CodeRefused, []string{"403", "read on database/creds/app"}},
		"a token that has expired": {s.backend(obj{"token": "no-such-token"}), app, effect.CodeRefused, []string{"403"}},
	} {
		_, e := do(t, c.by, "issue", what, c.args)
		plugintest.WantError(t, e, c.code, c.says...)
		silent(t, e, "no-such-token")
		if !d.settles(0) {
			t.Errorf("%s: there are %d users", what, d.users())
		}
	}
	_, e := do(t, b, "release", "k", obj{"lease": "runbook/leases/none"})
	plugintest.WantError(t, e, effect.CodeNotFound, "no lease runbook/leases/none")
	_, e = do(t, b, "release", "k", obj{"lease": "db/app"})
	plugintest.WantError(t, e, effect.CodeInvalid, `"db/app" is no lease`)
}

// TestLeaseEnds: a lease that ends by itself, or that somebody ends, is gone, and to
// release it is no error.
func TestLeaseEnds(t *testing.T) {
	s := start(t)
	d := s.database()
	b := s.backend(nil)
	for key, ends := range map[string]func(k *kept){
		"by itself": func(*kept) {},
		"by hand": func(k *kept) {
			s.order(http.MethodPost, "sys/leases/revoke", obj{"lease_id": k.Lease, "sync": true}, nil)
		},
	} {
		lease := must(t, b, "issue", key, obj{"name": "database/creds/brief", "ttl": "2s"})["lease"].(string)
		var k kept
		data, _ := json.Marshal(s.read(lease))
		if err := json.Unmarshal(data, &k); err != nil || k.Lease == "" {
			t.Fatalf("%s: %v, %v", data, k, err)
		}
		ends(&k)
		plugintest.Until(t, "the lease has ended", func() bool {
			_, e := do(t, b, "get", "", obj{"name": lease + "#username"})
			return e != nil && e.Code == effect.CodeGone
		})
		must(t, b, "release", key+" release", obj{"lease": lease})
		if !d.settles(0) {
			t.Errorf("%s: there are %d users", key, d.users())
		}
	}
}

// TestCannotEnd: where the database does not let go of a user, release does not say
// that it has ended.
func TestCannotEnd(t *testing.T) {
	s := start(t)
	d := s.database()
	b := s.backend(nil)
	lease := must(t, b, "issue", "k", obj{"name": "database/creds/app"})["lease"].(string)
	name := must(t, b, "get", "", obj{"name": lease + "#username"})["value"].(string)
	b.settings.settling = 300 * time.Millisecond
	d.order(`CREATE TABLE held (); ALTER TABLE held OWNER TO "` + name + `"`)
	t.Cleanup(func() { d.order("DROP TABLE held") })
	_, e := do(t, b, "release", "r", obj{"lease": lease})
	plugintest.WantError(t, e, effect.CodeFailed, "has not done so", "goes on trying")
}

// TestIssueIsCutShort loses what goes between the backend and the server, at each
// request in turn: sent again the effect has one credential, and there is no other.
func TestIssueIsCutShort(t *testing.T) {
	s := start(t)
	d := s.database()
	to, err := url.Parse(s.address)
	if err != nil {
		t.Fatal(err)
	}
	var left atomic.Int64 // requests that pass before one is lost
	var arrives atomic.Bool
	forward := httputil.NewSingleHostReverseProxy(to)
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if left.Add(-1) != 0 {
			forward.ServeHTTP(w, r)
			return
		}
		if arrives.Load() {
			forward.ServeHTTP(httptest.NewRecorder(), r)
		} else {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	}))
	t.Cleanup(between.Close)
	b := s.backend(obj{"address": between.URL})
	b.settings.passing = time.Millisecond // what arrives has been answered when it is lost
	args := obj{"name": "database/creds/app", "ttl": "1h"}
	failed := map[effect.Code]int{}
	for n, whole := 1, false; !whole; n++ {
		for _, arrived := range []bool{false, true} {
			key := fmt.Sprint("cut at ", n, arrived)
			arrives.Store(arrived)
			left.Store(int64(n))
			made, e := do(t, b, "issue", key, args)
			left.Store(0)
			if whole = e == nil; !whole {
				failed[e.Code]++
				made = must(t, b, "issue", key, args)
			}
			if !d.settles(1) || !d.enters(b, made["lease"].(string)) {
				t.Errorf("%s: %v, then %v: there are %d users", key, e, made, d.users())
			}
			must(t, b, "release", key+" release", obj{"lease": made["lease"]})
		}
	}
	if failed[effect.CodeUnknown] < 6 || failed[effect.CodeUnavailable] < 6 {
		t.Errorf("too little was lost: %v", failed)
	}
	t.Log(failed)
}

// leased reports whether the server has so many leases of what issues before long: it
// ends by and by what it was told to end.
func (s *server) leased(of string, want int) bool {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var list struct{ Data struct{ Keys []string } }
		s.order("LIST", "sys/leases/lookup/"+of, nil, &list, http.StatusNotFound)
		if n := len(list.Data.Keys); n <= want || time.Now().After(deadline) {
			return n == want
		}
	}
}

// TestIssueIsKilled kills the backend before, within and after both of its changes. What
// is counted are leases: OpenBao itself loses a user whom it makes for a request that is
// broken off meanwhile (docs/backends/vault.md).
func TestIssueIsKilled(t *testing.T) {
	s := start(t)
	d := s.database()
	b := s.backend(nil)
	moments, n := 4, 0
	if testing.Short() {
		moments = 0
	}
	args := obj{"name": "database/creds/app", "ttl": "1h"}
	release := func(key string) {
		must(t, b, "release", key+" release", obj{"lease": secrets.Lease(secrets.Leases, key)})
	}
	for _, op := range []string{"issue", "release"} {
		plugintest.Kills{Backend: b, Config: s.config(nil), Module: secrets.Module(), Op: op, System: s.on, Moments: moments, Next: func(t *testing.T) plugintest.Round {
			n++
			key := fmt.Sprint("killed ", n)
			if op == "issue" {
				return plugintest.Round{Key: key, Args: args, There: func() bool { return s.leased("database/creds/app", 1) && d.users() > 0 }, After: func() { release(key) }}
			}
			lost := d.users()
			lease := must(t, b, "issue", key, args)["lease"]
			return plugintest.Round{Args: obj{"lease": lease}, There: func() bool { return d.users() == lost }}
		}}.Run(t)
	}
}

// TestModelIssuesAsVaultDoes walks a server and the model at random, leases only.
func TestModelIssuesAsVaultDoes(t *testing.T) {
	s := start(t)
	s.database()
	w := &plugintest.Walk{Backend: s.backend(nil), Module: secrets.Module(), Model: secrets.NewModel(), Plain: func(op string, result map[string]any) {
		delete(result, "value")
		delete(result, "expires") // by some seconds
	}}
	random := rand.New(rand.NewPCG(7, 12))
	leases := []string{"runbook/leases/none"}
	for i := range 150 {
		pick := leases[0]
		if random.IntN(8) > 0 {
			pick = leases[max(0, len(leases)-6):][random.IntN(min(6, len(leases)))]
		}
		args := obj{"name": pick + []string{"#username", "#password", ""}[random.IntN(3)]}
		op := []string{"issue", "release", "get", "get", "get", "rotate", "revoke"}[random.IntN(7)]
		switch op {
		case "issue":
			args = obj{"name": "database/creds/app", "ttl": "5m"}
			leases = append(leases, secrets.Lease(secrets.Leases, fmt.Sprint("walk-", i+1))) // by the key of the step
		case "release":
			args = obj{"lease": pick}
		case "get":
			if random.IntN(3) == 0 {
				args["version"] = []string{"1", "2"}[random.IntN(2)]
			}
		case "revoke":
			args["version"] = "1"
		}
		w.Step(t, op, args)
	}
	w.Showed(t, 3, "issue", "release", "get", "get gone", "get not_found", "release not_found", "rotate invalid", "revoke invalid")
	w.Compared(t, "vault", s.on)
}
