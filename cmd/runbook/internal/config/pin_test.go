package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const pinnedYAML = `version: 1
environments:
  default:
    traffic: { backend: haproxy, socket: ./run/admin.sock, pool: web, sockets: ["unix:a/b", "10.0.0.1:9999"] }
    notify: { backend: shoutrrr, channels: { ops: { url: "env:OPS_URL" } } }
  prod:
    extends: default
`

// sockets are fields as haproxy declares them.
var sockets = []effect.Field{
	{Name: "socket", Type: effect.String, Path: effect.MayBePath},
	{Name: "sockets", Type: effect.List, Elem: &effect.Field{Type: effect.String, Path: effect.MayBePath}},
	{Name: "pool", Type: effect.String},
}

// TestAnEmptyPathIsNone: agent: "" of ssh says that there is no agent.
func TestAnEmptyPathIsNone(t *testing.T) {
	c, err := config.Parse("conf/runbook.yaml", []byte("version: 1\nenvironments:\n  default:\n    hosts: { backend: ssh, agent: \"\" }\n"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Environment("")
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Resolve([]effect.Field{{Name: "agent", Type: effect.String, Path: effect.IsPath}}, config.Carrier{Module: "hosts", Backend: "ssh"})
	if want := map[string]any{"agent": ""}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

func TestPinComesBack(t *testing.T) {
	c, err := config.Parse("conf/runbook.yaml", []byte(pinnedYAML))
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Environment("prod")
	if err != nil {
		t.Fatal(err)
	}
	found := map[config.Carrier]config.Found{{Module: "notify", Backend: "shoutrrr"}: {Path: "/opt/p", SHA256: "ab"}, {Module: "traffic", Backend: "haproxy"}: {}}
	text, err := e.Pin([]string{"traffic", "notify", "none"}, found, "/srv", "/bin", "v1").Encode()
	if err != nil {
		t.Fatal(err)
	}
	pin, err := config.DecodePin(text)
	if err != nil {
		t.Fatal(err)
	}
	back, restored := pin.Restore()
	if !reflect.DeepEqual(restored, found) {
		t.Errorf("found: %v", restored)
	}
	if back.Name != "prod" || !reflect.DeepEqual(back.Modules(), []string{"notify", "traffic"}) {
		t.Errorf("environment %q with %v", back.Name, back.Modules())
	}
	was, err := e.Resolve(sockets, config.Carrier{Module: "traffic", Backend: "haproxy"})
	if err != nil {
		t.Fatal(err)
	}
	is, err := back.Resolve(sockets, config.Carrier{Module: "traffic", Backend: "haproxy"})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(was, is) {
		t.Errorf("was %v, is %v", was, is)
	}
	dir, err := filepath.Abs("conf")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"socket": dir + "/run/admin.sock", "sockets": []any{"unix:" + dir + "/a/b", "10.0.0.1:9999"}, "pool": "web"}
	if !reflect.DeepEqual(is, want) {
		t.Errorf("resolved %v, want %v", is, want)
	}
	if err := back.Require([]string{"dns"}); err == nil || !strings.Contains(err.Error(), "--config-now") {
		t.Errorf("a module that was not pinned: %v", err)
	}
}

func TestPinsDiffer(t *testing.T) {
	pinOf := func(text, digest string) *config.Pin {
		c, err := config.Parse("runbook.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.Environment("")
		if err != nil {
			t.Fatal(err)
		}
		return e.Pin([]string{"traffic", "notify", "lamp"}, map[config.Carrier]config.Found{{Module: "lamp", Backend: "lamp"}: {Path: "/p", SHA256: digest}}, "/", "", "")
	}
	const head = "version: 1\nenvironments:\n  default:\n"
	was := pinOf(head+"    traffic: { backend: haproxy, socket: /a, pool: web }\n    notify: { backend: shoutrrr, channels: { a: { url: \"env:A\" } } }\n    lamp: { backend: lamp }\n", "aa")
	for name, test := range map[string]struct {
		text   string
		digest string
		want   []string
	}{
		"nothing": {"    traffic: { pool: web, socket: /a, backend: haproxy }\n    notify: { backend: shoutrrr, channels: { a: { url: \"env:A\" } } }\n    lamp: { backend: lamp }\n    dns: { backend: x }\n", "aa", nil},
		"all": {"    traffic: { backend: haproxy, socket: /b }\n    notify: { backend: shoutrrr, channels: { a: { url: \"smtp://u:p@h\" } } }\n    lamp: { backend: lamp }\n", "bb",
			[]string{"lamp (sha256 of its plugin): was aa, is bb", `notify.channels.a.url: was "env:A", is a value that is not shown`, `traffic.pool: was "web", is not set`, `traffic.socket: was "/a", is "/b"`}},
		"backends": {"    traffic: { backend: caddy }\n    lamp: { backend: lamp }\n", "aa",
			[]string{"notify.backend: was shoutrrr, is not set", "traffic.backend: was haproxy, is caddy"}},
	} {
		now := pinOf(head+test.text, test.digest)
		var got []string
		for _, d := range was.Differences(now, func(_ string, path []string) bool { return path[0] == "channels" }) {
			got = append(got, d.String())
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestPinOfAnotherVersion(t *testing.T) {
	if _, err := config.DecodePin([]byte(`{"version": 9}`)); err == nil || !strings.Contains(err.Error(), "newer runbook") {
		t.Errorf("got %v", err)
	}
	if _, err := config.DecodePin([]byte(`{`)); err == nil {
		t.Error("half a pin was read")
	}
}

// TestPinOfNoFile: a run may need no backend at all.
func TestPinOfNoFile(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("RUNBOOK_CONFIG", "")
	c, err := config.Open("", os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if c.Path != "" {
		t.Skip("there is a runbook.yaml above the folder of temporary files")
	}
	e, err := c.Environment("")
	if err != nil {
		t.Fatal(err)
	}
	pin := e.Pin(nil, nil, "/", "", "")
	if back, _ := pin.Restore(); back.File() != "" || len(back.Modules()) != 0 || pin.File != "" {
		t.Errorf("got %+v", pin)
	}
}

// oldPin is what version 1 of the form looks like.
const oldPin = `{
  "version": 1,
  "file": "/etc/runbook.yaml",
  "sha256": "c0ffee",
  "environment": "prod",
  "dir": "/srv",
  "search": "/bin",
  "program": "v0.4.0",
  "approvals": {"own_name": true},
  "modules": {
    "lamp": {"backend": "lamp", "line": 6, "plugin": "/opt/runbook-plugin-lamp", "sha256": "ab"},
    "traffic": {"backend": "haproxy", "line": 4, "config": {"socket": "run/admin.sock", "pool": "web"}}
  }
}`

// TestPinOfVersionOneIsRead: runs in flight outlive upgrades.
func TestPinOfVersionOneIsRead(t *testing.T) {
	pin, err := config.DecodePin([]byte(oldPin))
	if err != nil {
		t.Fatal(err)
	}
	back, found := pin.Restore()
	if want := (config.Found{Path: "/opt/runbook-plugin-lamp", SHA256: "ab"}); !reflect.DeepEqual(found[config.Carrier{Module: "lamp", Backend: "lamp"}], want) {
		t.Errorf("found %v", found)
	}
	if back.Name != "prod" || !reflect.DeepEqual(back.Modules(), []string{"lamp", "traffic"}) || !pin.Approvals.OwnName {
		t.Errorf("restored %q with %v", back.Name, back.Modules())
	}
	c := config.Carrier{Module: "traffic", Backend: "haproxy"}
	got, err := back.Resolve(sockets, c)
	if want := map[string]any{"socket": "/etc/run/admin.sock", "pool": "web"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("resolved %v, %v", got, err)
	}
	if at := back.Where(c).String(); at != "/etc/runbook.yaml:4" {
		t.Errorf("traffic stands at %s", at)
	}
	given, err := back.Assign(effect.Module{Name: "traffic"}, nil)
	if err != nil || given["haproxy"] != nil {
		t.Errorf("given %v, %v", given, err)
	}
}

func TestPinsOfListsDiffer(t *testing.T) {
	pinOf := func(notify string) *config.Pin {
		c, err := config.Parse("runbook.yaml", []byte("version: 1\nenvironments:\n  default:\n    notify: "+notify+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.Environment("")
		if err != nil {
			t.Fatal(err)
		}
		return e.Pin([]string{"notify"}, nil, "/", "", "")
	}
	was := pinOf("[{ backend: mail, from: a }, { backend: pager, ops: [page, update], team: x }]")
	for name, test := range map[string]struct {
		now  string
		want []string
	}{
		"nothing": {"[{ backend: mail, from: a }, { backend: pager, ops: [update, page], team: x }]", nil},
		"order":   {"[{ backend: pager, ops: [page, update], team: x }, { backend: mail, from: a }]", []string{"notify.backends: was mail, pager, is pager, mail"}},
		"added":   {"[{ backend: mail, from: a }, { backend: pager, ops: [page, update], team: x }, { backend: relay }]", []string{"notify.backends: was mail, pager, is mail, pager, relay"}},
		"removed": {"{ backend: mail, from: b }", []string{"notify.backends: was mail, pager, is mail", `notify[mail].from: was "a", is "b"`}},
		"changed": {"[{ backend: mail, from: a }, { backend: pager, ops: [page], team: y }]", []string{"notify[pager].ops: was page, update, is page", `notify[pager].team: was "x", is "y"`}},
		"no ops":  {"[{ backend: mail, from: a }, { backend: pager, team: x }]", []string{"notify[pager].ops: was page, update, is not set"}},
	} {
		var got []string
		for _, d := range was.Differences(pinOf(test.now), func(string, []string) bool { return false }) {
			got = append(got, d.String())
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
