package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask says
		t.Fatal(err)
	}
	return path
}

func TestResolveSecret(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TEST_RUNBOOK_TOKEN", "s3cret")
	t.Setenv("TEST_RUNBOOK_EMPTY", "")
	write(t, filepath.Join(dir, "good"), "s3cret\n", 0o600)
	write(t, filepath.Join(dir, "group"), "s3cret", 0o640)
	write(t, filepath.Join(dir, "open"), "s3cret\n", 0o644)
	write(t, filepath.Join(dir, "empty"), "\n", 0o600)
	write(t, filepath.Join(dir, "binary"), "s3cret\xff\xfe", 0o600)
	write(t, filepath.Join(dir, "large"), strings.Repeat("s3cret", maxSecret), 0o600)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ ref, problem string }{
		{"env:TEST_RUNBOOK_TOKEN", ""},
		{"file:good", ""},
		{"file:group", ""},
		{"file:" + filepath.Join(dir, "good"), ""},
		{"env:TEST_RUNBOOK_UNSET", "the environment variable TEST_RUNBOOK_UNSET is not set"},
		{"env:TEST_RUNBOOK_EMPTY", "the environment variable TEST_RUNBOOK_EMPTY is empty"},
		{"env:", "names no variable"},
		{"file:", "names no file"},
		{"file:nowhere", "nowhere cannot be read: no such file or directory"},
		{"file:open", "open to every user of the machine (mode 0644); run chmod 600"},
		{"file:empty", "is empty"},
		{"file:binary", "is not a text"},
		{"file:large", "is larger than"},
		{"file:pipe", "is not a regular file"},
		{"file:.", "is not a regular file"},
		{"s3cret", "may not stand here in clear; write env:NAME or file:PATH"},
	} {
		secret, err := ResolveSecret("token", tt.ref, dir)
		if tt.problem == "" {
			if err != nil || secret.Reveal() != "s3cret" || secret.Name() != "token" {
				t.Errorf("%s: %v, %v", tt.ref, secret, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.problem) {
			t.Errorf("%s: %v, want %q", tt.ref, err, tt.problem)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error shows the secret: %v", tt.ref, err)
		}
	}
}

func TestSecretIsNamedByItsReference(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TEST_RUNBOOK_TOKEN", "s3cret")
	path := write(t, filepath.Join(dir, "token"), "s3cret\n", 0o600)
	t.Chdir(dir)
	for ref, name := range map[string]string{"env:TEST_RUNBOOK_TOKEN": "env:TEST_RUNBOOK_TOKEN", "file:token": "file:" + path} {
		secret, err := Secret(ref)
		if err != nil || secret.Name() != name || secret.Reveal() != "s3cret" {
			t.Errorf("%s: %v, %v", ref, secret, err)
			continue
		}
		t.Chdir(t.TempDir())
		if again, err := Secret(secret.Name()); err != nil || again != secret {
			t.Errorf("%s is not found again: %v, %v", secret.Name(), again, err)
		}
		t.Chdir(dir)
	}
	if _, err := Secret("s3cret"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a secret in clear: %v", err)
	}
}

// notifyFields is what a backend with secrets inside declares.
func notifyFields() []effect.Field {
	return []effect.Field{
		{Name: "channels", Type: effect.Map, Required: true, Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "url", Type: effect.String, Secret: true, Required: true},
			{Name: "title", Type: effect.String},
		}}},
		{Name: "timeout", Type: effect.Duration, Default: "5s"},
	}
}

func TestResolve(t *testing.T) {
	t.Setenv("TEST_RUNBOOK_URL", "https://hooks.example/s3cret")
	dir := t.TempDir()
	text, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "secret-url"), "smtp://s3cret\n", 0o600)
	c := load(t, write(t, filepath.Join(dir, "runbook.yaml"), string(text), 0o600))
	got, err := environment(t, c, "staging").Resolve(notifyFields(), Carrier{"notify", "shoutrrr"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprintf("%v %#v", got, got), "s3cret") {
		t.Errorf("the secret shows: %v", got)
	}
	channels := got["channels"].(map[string]any)
	for name, want := range map[string]string{"deployments": "https://hooks.example/s3cret", "ops.night": "smtp://s3cret"} {
		secret := channels[name].(map[string]any)["url"].(effect.Secret)
		if secret.Reveal() != want || secret.Name() != "notify.channels."+name+".url" {
			t.Errorf("%s: %s = %q", name, secret, secret.Reveal())
		}
	}
	if got["timeout"] != 5.0 {
		t.Errorf("timeout = %v", got["timeout"])
	}
	traffic, err := environment(t, c, "staging").Resolve([]effect.Field{{Name: "socket", Type: effect.String}, {Name: "pool", Type: effect.String},
		{Name: "timeout", Type: effect.Duration}, {Name: "scale", Type: effect.Int}}, Carrier{"traffic", "haproxy"})
	if err != nil || traffic["timeout"] != 2.0 || traffic["scale"] != 200.0 || traffic["socket"] != "10.0.0.1:9999" {
		t.Errorf("traffic: %v, %v", traffic, err)
	}
}

func TestResolveSaysEverythingThatIsWrong(t *testing.T) {
	c, err := Parse("c.yaml", []byte(`version: 1
environments:
  default:
    notify:
      backend: shoutrrr
      chanels: {}
      timeout: soon
      channels:
        a: { url: "https://s3cret" }
        b: { url: "env:TEST_RUNBOOK_UNSET" }
        c: { url: 7 }
    health:
      backend: shoutrrr
      chanels: {}
    exec:
      backend: shoutrrr
      channels:
        a:
          url: "env:HOME"
          titel: x
    traffic: { backend: shoutrrr }
`))
	if err != nil {
		t.Fatal(err)
	}
	e := environment(t, c, "")
	for module, want := range map[string][]string{
		"notify": {
			`c.yaml:6: notify (shoutrrr): chanels: is not known here; did you mean "channels"?`,
			`c.yaml:7: notify (shoutrrr): timeout: wants a duration like "15m", got "soon"`,
			`c.yaml:9: notify (shoutrrr): channels.a.url: a secret may not stand here in clear; write env:NAME or file:PATH, and keep the secret there`,
			`c.yaml:10: notify (shoutrrr): channels.b.url: the environment variable TEST_RUNBOOK_UNSET is not set; set it, and start runbook again`,
			`c.yaml:11: notify (shoutrrr): channels.c.url: a secret may not stand here in clear; write env:NAME or file:PATH, and keep the secret there`,
		},
		"health":  {`c.yaml:14: health (shoutrrr): chanels: is not known here; did you mean "channels"?`},
		"exec":    {`c.yaml:20: exec (shoutrrr): channels.a.titel: is not known here; did you mean "title"?`},
		"traffic": {`c.yaml:21: traffic (shoutrrr): channels: is required: a table`},
	} {
		_, err := e.Resolve(notifyFields(), Carrier{module, "shoutrrr"})
		var got []string
		for _, e := range all(err) {
			got = append(got, e.Error())
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", module, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
