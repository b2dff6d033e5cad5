package files

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/files"
)

type obj = map[string]any

// tree makes files below a directory without links in its path.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func backend(t *testing.T, config obj) *Backend {
	t.Helper()
	return plugintest.Configured(t, New(), config)
}

// request makes a request as the engine does.
func request(t *testing.T, op, key string, args obj) plugins.Request {
	t.Helper()
	return plugintest.Request(t, contract.Module(), op, key, args)
}

func invoke(t *testing.T, b *Backend, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, op, "key", args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

func fails(t *testing.T, e *effect.Error, code effect.Code, says string) {
	t.Helper()
	if e == nil || e.Code != code || !bytes.Contains([]byte(e.Message+" | "+e.Hint), []byte(says)) {
		t.Errorf("got %v, want %s, %q", e, code, says)
	}
}
