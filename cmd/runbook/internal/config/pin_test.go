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

func TestPinComesBack(t *testing.T) {
	c, err := config.Parse("conf/runbook.yaml", []byte(pinnedYAML))
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Environment("prod")
	if err != nil {
		t.Fatal(err)
	}
	executables := map[string]config.Executable{"notify": {Path: "/opt/p", SHA256: "ab"}}
	text, err := e.Pin([]string{"traffic", "notify", "none"}, executables, "/srv", "/bin", "v1").Encode()
	if err != nil {
		t.Fatal(err)
	}
	pin, err := config.DecodePin(text)
	if err != nil {
		t.Fatal(err)
	}
	back, found := pin.Restore()
	if !reflect.DeepEqual(found, executables) {
		t.Errorf("executables: %v", found)
	}
	if back.Name != "prod" || !reflect.DeepEqual(back.Modules(), []string{"notify", "traffic"}) {
		t.Errorf("environment %q with %v", back.Name, back.Modules())
	}
	was, err := e.Resolve(sockets, "traffic")
	if err != nil {
		t.Fatal(err)
	}
	is, err := back.Resolve(sockets, "traffic")
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
	pinOf := func(text string, executables map[string]config.Executable) *config.Pin {
		c, err := config.Parse("runbook.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.Environment("")
		if err != nil {
			t.Fatal(err)
		}
		return e.Pin([]string{"traffic", "notify", "lamp"}, executables, "/", "", "")
	}
	const head = "version: 1\nenvironments:\n  default:\n"
	was := pinOf(head+"    traffic: { backend: haproxy, socket: /a, pool: web }\n    notify: { backend: shoutrrr, channels: { a: { url: \"env:A\" } } }\n    lamp: { backend: lamp }\n",
		map[string]config.Executable{"lamp": {Path: "/p", SHA256: "aa"}})
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
		now := pinOf(head+test.text, map[string]config.Executable{"lamp": {Path: "/p", SHA256: test.digest}})
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
