package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

type obj = map[string]any

// shop is a real, if small, deployment system: the program of the page, with
// builds to deploy.
type shop struct {
	dir     string // of its program
	program string
	root    string // where it deploys to
	builds  string
}

// newShop has the builds v1 to v4, and one that does not pass its check.
func newShop(t *testing.T) *shop {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{dir: dir, program: put(t, filepath.Join(dir, "deploy.sh"), block(t, 0)), root: filepath.Join(dir, "shop"), builds: filepath.Join(dir, "builds")}
	for _, version := range []string{"v1", "v2", "v3", "v4"} {
		put(t, filepath.Join(s.builds, version, "index.html"), version)
	}
	put(t, filepath.Join(s.builds, "broken", "check"), "#!/bin/sh\necho the assets are missing\nexit 1\n")
	return s
}

// block returns a program of the page, by its place there.
func block(t *testing.T, i int) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/backends/script.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(page), "\n```sh\n")
	if len(parts) <= i+1 {
		t.Fatalf("the page has %d programs", len(parts)-1)
	}
	text, _, ended := strings.Cut(parts[i+1], "\n```")
	if !ended {
		t.Fatal("a program of the page has no end")
	}
	return text + "\n"
}

// config returns the configuration of a backend for it.
func (s *shop) config() obj {
	return obj{"program": s.program, "env": obj{"ROOT": s.root, "BUILDS": s.builds}}
}

// served returns what a web server would serve at a place.
func (s *shop) served(t *testing.T, region, env string) string {
	t.Helper()
	return served(t, s.root, region, env)
}

func served(t *testing.T, root, region, env string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, region, env, "current", "index.html"))
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// put writes an executable file.
func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// configured returns a backend with a configuration that passed the checks of
// the host.
func configured(t *testing.T, config obj) *Backend {
	t.Helper()
	b := New()
	b.notice.Say = func(string) {}
	if err := b.Configure(t.Context(), checked(t, b, config)); err != nil {
		t.Fatal(err)
	}
	return b
}

// checked returns a configuration as the host hands it over.
func checked(t *testing.T, b *Backend, config obj) obj {
	t.Helper()
	out, err := effect.CheckFields(b.Describe().Config, nil, config)
	if err != nil {
		t.Fatal(err)
	}
	return reveal(out)
}

func reveal(m obj) obj {
	out := obj{}
	for k, v := range m {
		switch v := v.(type) {
		case effect.Secret:
			out[k] = v.Reveal()
		case obj:
			out[k] = reveal(v)
		default:
			out[k] = v
		}
	}
	return out
}

// request makes a request as the engine does.
func request(t *testing.T, op string, args obj) plugins.Request {
	t.Helper()
	for _, o := range New().Describe().Ops {
		if o.Name == op {
			checked, err := o.Check(args)
			if err != nil {
				t.Fatalf("%s %v: %v", op, args, err)
			}
			return plugins.Request{Op: op, Args: checked, Key: "key-1", Run: "run-1", Attempt: 1, Progress: func(string) {}}
		}
	}
	t.Fatalf("no op %s", op)
	return plugins.Request{}
}

// effects counts those that invoke carried out: no two have the same key.
var effects atomic.Int64

func invoke(t *testing.T, b *Backend, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	req := request(t, op, args)
	req.Key = fmt.Sprint("effect-", effects.Add(1))
	v, err := b.Invoke(t.Context(), req)
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

func must(t *testing.T, b *Backend, op string, args obj) obj {
	t.Helper()
	v, e := invoke(t, b, op, args)
	if e != nil {
		t.Fatalf("%s %v: %v", op, args, e)
	}
	return v
}

// says reports what an error lacks: its code, or one of the texts in its message
// or hint.
func says(e *effect.Error, code effect.Code, texts ...string) error {
	if e == nil || e.Code != code {
		return fmt.Errorf("got %v, want %s", e, code)
	}
	for _, text := range texts {
		if !strings.Contains(e.Message+" | "+e.Hint, text) {
			return fmt.Errorf("%q (%s) does not say %q", e.Message, e.Hint, text)
		}
	}
	return nil
}

// heard collects progress.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) line(text string) { h.mu.Lock(); h.lines = append(h.lines, text); h.mu.Unlock() }

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.lines...)
}
