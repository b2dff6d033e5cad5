package age

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

type obj = map[string]any

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// writeEncrypted writes a secret as somebody would with the command age.
func writeEncrypted(t *testing.T, path, text string, armored bool, to ...age.Recipient) {
	t.Helper()
	data, err := encrypt([]byte(text), to)
	if err != nil {
		t.Fatal(err)
	}
	if armored {
		var b bytes.Buffer
		w := armor.NewWriter(&b)
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		data = b.Bytes()
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

var encrypted = plugintest.System{Name: "encrypted files"}

func TestConformance(t *testing.T) {
	dir, id := t.TempDir(), identity(t)
	writeEncrypted(t, filepath.Join(dir, "api.age"), "single\n", true, id.Recipient())
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: encrypted,
		Config: obj{"dir": dir, "identity": "# made by a test\n" + id.String() + "\n"},
		Reads:  []plugins.Request{{Op: "get", Args: obj{"name": "db/password"}}, {Op: "get", Args: obj{"name": "api"}}},
		Writes: []plugins.Request{
			{Op: "rotate", Args: obj{"name": "db/password", "value": "correct horse"}},
			{Op: "rotate", Args: obj{"name": "db/password"}},
			{Op: "revoke", Args: obj{"name": "db/password", "version": "1"}},
		},
	})
}

func TestEncrypted(t *testing.T) {
	dir, ours, theirs := t.TempDir(), identity(t), identity(t)
	writeEncrypted(t, filepath.Join(dir, "plain.age"), "hunter22", false, ours.Recipient())
	writeEncrypted(t, filepath.Join(dir, "armored.age"), "hunter22\n", true, ours.Recipient(), theirs.Recipient())
	writeEncrypted(t, filepath.Join(dir, "theirs.age"), "hunter22", false, theirs.Recipient())
	if err := os.WriteFile(filepath.Join(dir, "clear.age"), []byte("hunter22"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := New()
	config := obj{"dir": dir, "identity": ours.String(), "recipients": []any{ours.Recipient().String(), theirs.Recipient().String()}}
	if err := b.Configure(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	get := func(name string) (any, *effect.Error) {
		v, err := b.Invoke(t.Context(), plugins.Request{Op: "get", Args: obj{"name": name}})
		m, _ := v.(obj)
		return m["value"], effect.AsError(err)
	}
	for _, name := range []string{"plain", "armored"} {
		if v, err := get(name); err != nil || v != "hunter22" {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	for _, name := range []string{"theirs", "clear"} {
		if _, err := get(name); err == nil || err.Code != effect.CodeRefused || !strings.Contains(err.Message, name+".age cannot be opened") || strings.Contains(err.Message, "hunter22") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Invoke(t.Context(), plugins.Request{Op: "rotate", Key: "k", Args: obj{"name": "both", "value": "hunter23"}}); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(dir + "/both/0001-*.age")
	if len(files) != 1 {
		t.Fatalf("there are %v", files)
	}
	data, err := os.ReadFile(files[0])
	if err != nil || bytes.Contains(data, []byte("hunter23")) {
		t.Fatalf("%q, %v", data, err)
	}
	for _, id := range []age.Identity{ours, theirs} { // whoever else is to read it can
		if v, err := decrypt(data, []age.Identity{id}); err != nil || string(v) != "hunter23" {
			t.Errorf("%q, %v", v, err)
		}
	}
}

func TestRefusedConfiguration(t *testing.T) {
	dir, id := t.TempDir(), identity(t)
	for says, config := range map[string]obj{
		"no private keys of age":       {"dir": dir, "identity": strings.Replace(id.String(), "SECRET", "SECRTE", 1)},
		`"age1x" is no public key`:     {"dir": dir, "identity": id.String(), "recipients": []any{"age1x"}},
		"no such file":                 {"dir": dir + "/none", "identity": id.String()},
		"configure age: identity: it ": {"dir": dir, "identity": ""},
	} {
		err := New().Configure(t.Context(), config)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "AGE-SECRET") {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
