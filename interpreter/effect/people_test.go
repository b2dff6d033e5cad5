package effect_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

var (
	anasToken = effect.TokenDigest("rbt_secret")
	oldToken  = effect.TokenDigest("rbt_old")
	noon      = time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC) // when the old one expires
)

var people = effect.People{
	"ana": {Roles: []string{"lead"}, Users: []string{"ana", "ops"}, Tokens: []effect.Token{{Digest: anasToken}, {Digest: oldToken, Expires: noon}}},
	"bob": {Roles: []string{"lead", "dba"}, Users: []string{"ops@web1"}},
	"eve": {},
}

func TestIdentify(t *testing.T) {
	for _, c := range []struct {
		people              effect.People
		as, account, digest string
		want                string // name and via, or the error
	}{
		{nil, "", "root@web1", "", "root by "},
		{nil, "kim", "root@web1", "", "kim by "},
		{nil, "", "root@web1", anasToken, "the token is nobody's"},
		{people, "", "ana@web2", "", "ana by account"},
		{people, "", "ops@web2", "", "ana by account"},
		{people, "", "ops@web1", "", "the account ops may be ana or bob: say who with --as, or show a token"},
		{people, "bob", "ops@web1", "", "bob by account"},
		{people, "bob", "ops@web2", "", "the account ops@web2 is none of bob's: show bob's token"},
		{people, "", "eve@web1", "", "the account eve@web1 is none of eve's: show eve's token"},
		{people, "eve", "eve@web1", "", "the account eve@web1 is none of eve's: show eve's token"},
		{people, "", "root@web1", "", "root by "},
		{people, "kim", "root@web1", "", "there is nobody called kim; there are ana, bob, eve"},
		{people, "ops", "ops@web2", "", "there is nobody called ops; there are ana, bob, eve"}, // ana, once more
		{people, "", "root@web1", anasToken, "ana by token " + anasToken[:12]},
		{people, "bob", "root@web1", anasToken, "the token is ana's, not bob's"},
		{people, "", "root@web1", oldToken, "ana's token expired at 2026-03-03 12:00:00 UTC; `runbook token new ana` makes another"},
	} {
		who, err := c.people.Identify(c.as, c.account, c.digest, noon)
		got := who.Name + " by " + who.Via
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("as %q in %s: %s; want %s", c.as, c.account, got, c.want)
		}
	}
}

func TestVouch(t *testing.T) {
	token := "token " + anasToken[:12]
	for _, c := range []struct {
		people effect.People
		answer effect.Body
		want   bool
	}{
		{nil, effect.Body{By: "ana"}, true},
		{nil, effect.Body{By: "ana", Roles: []string{"lead"}}, false},
		{people, effect.Body{By: "root"}, true}, // nobody, who has no role
		{people, effect.Body{By: "root", Roles: []string{"lead"}}, false},
		{people, effect.Body{By: "root", User: "root@web1"}, true},
		{people, effect.Body{By: "ops", User: "ops@web2"}, false}, // ana, once more
		{people, effect.Body{By: "ana"}, false},                   // nothing shows it
		{people, effect.Body{By: "ana", Via: token, Roles: []string{"lead"}}, true},
		{people, effect.Body{By: "ana", Via: token, Roles: []string{"dba"}}, false},
		{people, effect.Body{By: "bob", Via: token}, false},
		{people, effect.Body{By: "bob", User: "ops@web1", Via: "account"}, true},
		{people, effect.Body{By: "bob", User: "ops@web2", Via: "account"}, false},
	} {
		if got := c.people.Vouch(&c.answer, noon); got != c.want {
			t.Errorf("%+v: %v", c.answer, got)
		}
	}
}

// TestToken: a token holds until it expires, and so does what was answered by it;
// what is kept of it says the same when it is read again, also without an end.
func TestToken(t *testing.T) {
	before := noon.Add(-time.Nanosecond)
	if who, err := people.Identify("", "root@web1", oldToken, before); err != nil || who.Via != "token "+oldToken[:12] {
		t.Errorf("before it expires: %+v, %v", who, err)
	}
	answer := effect.Body{By: "ana", Via: "token " + oldToken[:12]}
	if !people.Vouch(&answer, before) || people.Vouch(&answer, noon) {
		t.Error("an answer counts, or not, at the wrong time")
	}
	text, err := json.Marshal(people)
	if err != nil || !strings.Contains(string(text), `"tokens":["`+anasToken+`","`+oldToken+` 2026-03-03T12:00:00Z"]`) {
		t.Errorf("%s, %v", text, err)
	}
	var read effect.People
	if err := json.Unmarshal(text, &read); err != nil || !reflect.DeepEqual(read["ana"], people["ana"]) {
		t.Errorf("%+v, %v", read, err)
	}
	for _, wrong := range []string{`"abc"`, `"` + oldToken + ` soon"`} {
		if err := json.Unmarshal([]byte(wrong), new(effect.Token)); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

func TestLacks(t *testing.T) {
	for _, c := range []struct {
		people effect.People
		by     []string
		count  int
		want   string
	}{
		{people, []string{"lead"}, 2, ""},
		{people, []string{"lead", "ana"}, 3, "count is 3 and by names 2"},
		{people, []string{"eve", "dba"}, 2, ""},
		{people, []string{"laed"}, 1, `by names "laed", which is no person and nobody's role`},
		{people, nil, 9, ""},
		{nil, []string{"laed"}, 1, ""},
		{nil, []string{"ana"}, 2, "count is 2 and by names 1"},
	} {
		if got := c.people.Lacks(c.by, c.count); got != c.want {
			t.Errorf("%s", fmt.Sprintf("%v of %v: %q; want %q", c.count, c.by, got, c.want))
		}
	}
}
