package config

import (
	"reflect"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// pager is a module of three ops and a loop of two of them.
func pager() effect.Module {
	m := effect.Module{Name: "notify", Composites: []effect.Composite{{Op: effect.Op{Module: "notify", Name: "escalate"}, Uses: []string{"notify.page", "notify.acknowledged"}}}}
	for _, name := range []string{"send", "page", "acknowledged"} {
		m.Ops = append(m.Ops, effect.Op{Module: "notify", Name: name})
	}
	return m
}

// carries are the ops of the backends of notify in these tests.
func carries() map[string][]effect.Op {
	ops := pager().Ops
	return map[string][]effect.Op{"mail": ops[:1], "pager": ops[1:], "both": ops, "relay": ops[:2]}
}

func notifying(t *testing.T, entries string) *Environment {
	t.Helper()
	c, err := Parse("c.yaml", []byte("version: 1\nenvironments:\n  default:\n    notify:\n"+entries))
	if err != nil {
		t.Fatal(err)
	}
	return environment(t, c, "")
}

func TestAssign(t *testing.T) {
	for name, tt := range map[string]struct {
		entries string
		want    map[string][]string
	}{
		"one":                {"      backend: both\n", map[string][]string{"both": nil}},
		"one, limited":       {"      { backend: both, ops: [page] }\n", map[string][]string{"both": {"page"}}},
		"a list of one":      {"      - backend: both\n", map[string][]string{"both": nil}},
		"the first one":      {"      - backend: relay\n      - backend: both\n", map[string][]string{"relay": {"send", "page"}, "both": {"acknowledged"}}},
		"limits":             {"      - { backend: both, ops: [acknowledged, send] }\n      - { backend: relay, ops: [page] }\n", map[string][]string{"both": {"send", "acknowledged"}, "relay": {"page"}}},
		"what is left to it": {"      - { backend: both, ops: [send] }\n      - { backend: relay }\n", map[string][]string{"both": {"send"}, "relay": {"page"}}},
	} {
		got, err := notifying(t, tt.entries).Assign(pager(), carries())
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, tt.want)
		}
	}
}

func TestAssignSaysWhatIsWrong(t *testing.T) {
	for entries, want := range map[string]string{
		"      - backend: mail\n      - backend: pager\n        ops:\n          - page\n          - acknowleged\n": `c.yaml:9: notify (pager): ops: the module notify has no op "acknowleged"; did you mean "acknowledged"?`,
		"      - { backend: mail, ops: [page] }\n":                                                      `c.yaml:5: notify (mail): ops: the backend does not carry page; it carries send`,
		"      - { backend: pager, ops: [notify.page] }\n":                                              `c.yaml:5: notify (pager): ops: notify.page is written without the module there; write page`,
		"      - { backend: pager, ops: [escalate] }\n":                                                 `c.yaml:5: notify (pager): ops: escalate is a loop of ops, which no backend carries; name the ops that it calls: notify.page, notify.acknowledged`,
		"      { backend: mail, ops: [sned] }\n":                                                        `c.yaml:5: notify (mail): ops: the module notify has no op "sned"; did you mean "send"?`,
		"      - backend: both\n      - backend: mail\n":                                                `c.yaml:6: notify: the backend mail would never be asked: both before it in the list carries send; take it out, put it first, or limit what stands before it by ops`,
		"      - backend: mail\n      - backend: pager\n      - { backend: both, ops: [page, send] }\n": `c.yaml:7: notify: the backend both would never be asked: mail, pager before it in the list carry page, send; take it out, put it first, or limit what stands before it by ops`,
	} {
		if _, err := notifying(t, entries).Assign(pager(), carries()); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want\n%s", entries, err, want)
		}
	}
}

// TestOwnListReplacesTheInherited: lists are not joined.
func TestOwnListReplacesTheInherited(t *testing.T) {
	c, err := Parse("c.yaml", []byte("version: 1\nenvironments:\n  default:\n    notify:\n      - backend: mail\n      - backend: pager\n  prod:\n    extends: default\n    notify:\n      - backend: both\n  lab: { extends: default }\n"))
	if err != nil {
		t.Fatal(err)
	}
	for env, want := range map[string][]string{"prod": {"both"}, "lab": {"mail", "pager"}} {
		if got, err := environment(t, c, env).Backends("notify"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", env, got, err)
		}
	}
	if at := environment(t, c, "lab").Where(Carrier{"notify", "pager"}).String(); at != "c.yaml:6" {
		t.Errorf("pager stands at %s", at)
	}
}

// TestRecordedOpsStay: an op goes on going where it went when the run began,
// although the backend before has come to carry it, and nothing is refused.
func TestRecordedOpsStay(t *testing.T) {
	e := notifying(t, "      - backend: mail\n      - backend: pager\n        service: x\n")
	given, err := e.Assign(pager(), carries())
	if err != nil {
		t.Fatal(err)
	}
	found := map[Carrier]Found{}
	for b, ops := range given {
		found[Carrier{"notify", b}] = Found{Given: ops}
	}
	text, err := e.Pin([]string{"notify"}, found, "/", "", "").Encode()
	if err != nil {
		t.Fatal(err)
	}
	pin, err := DecodePin(text)
	if err != nil {
		t.Fatal(err)
	}
	back, restored := pin.Restore()
	if !reflect.DeepEqual(restored, found) {
		t.Errorf("restored %v, want %v", restored, found)
	}
	newer := carries()
	newer["mail"] = append(pager().Ops, effect.Op{Module: "notify", Name: "update"})
	got, err := back.Assign(pager(), newer)
	if want := map[string][]string{"mail": {"send", "update"}, "pager": {"page", "acknowledged"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if values, err := back.Resolve([]effect.Field{{Name: "service", Type: effect.String}}, Carrier{"notify", "pager"}); err != nil || values["service"] != "x" {
		t.Errorf("resolved %v, %v", values, err)
	}
}
