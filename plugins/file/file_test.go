package file

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

type obj = map[string]any

var files = plugintest.System{Name: "files"}

func TestConformance(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "api/key", "single\n", 0o600)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: files,
		Config: obj{"dir": dir},
		Reads:  []plugins.Request{{Op: "get", Args: obj{"name": "db/password"}}, {Op: "get", Args: obj{"name": "api/key"}}},
		Writes: []plugins.Request{
			{Op: "rotate", Args: obj{"name": "db/password", "value": "correct horse"}},
			{Op: "rotate", Args: obj{"name": "db/password"}},
			{Op: "revoke", Args: obj{"name": "db/password", "version": "1"}},
		},
	})
}

func put(t *testing.T, dir, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func backend(t *testing.T, dir string) *Backend {
	t.Helper()
	b := New()
	if err := b.Configure(t.Context(), obj{"dir": dir}); err != nil {
		t.Fatal(err)
	}
	return b
}

func do(t *testing.T, b *Backend, op, key string, args obj) (obj, *effect.Error) {
	t.Helper()
	if op == "rotate" && args["length"] == nil {
		args["length"] = 32.0
	}
	v, err := b.Invoke(t.Context(), plugins.Request{Op: op, Args: args, Key: key})
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

// TestWhoMayRead refuses what is open, leads away, or is no secret.
func TestWhoMayRead(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	put(t, outside, "away", "hunter22", 0o600)
	put(t, dir, "good", "hunter22\r\n", 0o640)
	put(t, dir, "open", "hunter22", 0o604)
	put(t, dir, "empty", "\n", 0o600)
	put(t, dir, "bytes", "\xff\xfehunter22", 0o600)
	put(t, dir, "big", strings.Repeat("x", 65<<10), 0o600)
	put(t, dir, "..data/linked", "hunter22", 0o600)
	for link, to := range map[string]string{"linked": "..data/linked", "away": outside + "/away", "up": "../" + filepath.Base(outside) + "/away", "nowhere": "gone"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	b := backend(t, dir)
	for _, c := range []struct {
		name string
		code effect.Code
		says string
	}{
		{"good", "", ""}, {"linked", "", ""},
		{"open", effect.CodeRefused, "open to every user of the machine (mode 0604)"},
		{"empty", effect.CodeInvalid, "empty"}, {"bytes", effect.CodeInvalid, "no text"}, {"big", effect.CodeInvalid, "larger than"},
		{"away", effect.CodeRefused, "lead out of"}, {"up", effect.CodeRefused, "lead out of"}, {"nowhere", effect.CodeNotFound, "no secret nowhere"},
		{"none", effect.CodeNotFound, "no secret none"},
		{"../x", effect.CodeInvalid, "no name of a secret"}, {"/etc/passwd", effect.CodeInvalid, "no name"}, {"..data/linked", effect.CodeInvalid, "no name"}, {"a//b", effect.CodeInvalid, "no name"},
	} {
		v, err := do(t, b, "get", "", obj{"name": c.name})
		if c.code == "" && (err != nil || v["value"] != "hunter22" || v["version"] != nil) {
			t.Errorf("%s: %v, %v", c.name, v, err)
		}
		if c.code != "" && (err == nil || err.Code != c.code || !strings.Contains(err.Message+" | "+err.Hint, c.says) || strings.Contains(err.Message+err.Hint, "hunter22")) {
			t.Errorf("%s: %v (%s), want %s, %q", c.name, err, err.Hint, c.code, c.says)
		}
	}
	_, err := do(t, b, "rotate", "k", obj{"name": "good", "value": "new value"})
	if err == nil || err.Code != effect.CodeConflict {
		t.Errorf("a single file rotated: %v", err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := do(t, b, "get", "", obj{"name": "good"}); err == nil || err.Code != effect.CodeRefused || !strings.Contains(err.Hint, "chmod 700") {
		t.Errorf("in a directory that all may write to: %v", err)
	}
	if err := b.Health(t.Context()); err == nil {
		t.Error("health does not mind")
	}
}

// TestRotate follows one secret, with attempts that were killed.
func TestRotate(t *testing.T) {
	dir := t.TempDir()
	b := backend(t, dir)
	first, err := do(t, b, "rotate", "k1", obj{"name": "db/password", "value": "ends with a newline\n"})
	if err != nil || !reflect.DeepEqual(first, obj{"version": "1"}) {
		t.Fatalf("%v, %v", first, err)
	}
	if got, err := do(t, b, "get", "", obj{"name": "db/password"}); err != nil || got["value"] != "ends with a newline\n" || got["version"] != "1" {
		t.Errorf("%v, %v", got, err)
	}
	again, err := do(t, b, "rotate", "k1", obj{"name": "db/password", "value": "another"})
	if err != nil || again["version"] != "1" {
		t.Errorf("the same effect again: %v, %v", again, err)
	}
	second, err := do(t, b, "rotate", "k2", obj{"name": "db/password", "length": 40.0})
	if err != nil || !reflect.DeepEqual(second, obj{"version": "2", "previous": "1"}) {
		t.Errorf("%v, %v", second, err)
	}
	if got, err := do(t, b, "get", "", obj{"name": "db/password"}); err != nil || len(got["value"].(string)) != 40 {
		t.Errorf("%v, %v", got, err)
	}
	for key, want := range map[string]effect.Observed{"k1": effect.Applied, "k2": effect.Applied, "k3": effect.NotApplied} {
		seen, err := b.Observe(t.Context(), plugins.Request{Op: "rotate", Args: obj{"name": "db/password"}, Key: key})
		if err != nil || seen.State != want {
			t.Errorf("%s: %+v, %v", key, seen, err)
		}
	}
	seen, oerr := b.Observe(t.Context(), plugins.Request{Op: "rotate", Args: obj{"name": "new"}, Key: "k1"})
	if oerr != nil || seen.State != effect.NotApplied {
		t.Errorf("a secret that is not there: %+v, %v", seen, oerr)
	}
	files, _ := filepath.Glob(dir + "/db/password/*")
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	// Killed between the note and the removal, a revocation is finished.
	if err := os.WriteFile(strings.TrimSuffix(files[0], ".secret")+".revoked", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	left, err := do(t, b, "revoke", "k4", obj{"name": "db/password", "version": "1"})
	if err != nil || !reflect.DeepEqual(left["valid"], []any{"2"}) {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := os.Stat(files[0]); !os.IsNotExist(err) {
		t.Errorf("the value is still there: %v", err)
	}
}

// TestRotateAtOnce lets many change one secret.
func TestRotateAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 20 {
		b := backend(t, dir) // as another process has it
		wg.Go(func() {
			if _, err := do(t, b, "rotate", fmt.Sprint("k", i), obj{"name": "x"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := do(t, backend(t, dir), "get", "", obj{"name": "x"})
	if err != nil || got["version"] != "20" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestModelDoesWhatFilesDo walks real files and the model of the module at
// random, and holds what they say against each other.
func TestModelDoesWhatFilesDo(t *testing.T) {
	b := backend(t, t.TempDir())
	model := stdlib.Models()["secrets"]
	if err := model.Load(obj{"seed": obj{"versions": []any{"1"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := do(t, b, "rotate", "seed", obj{"name": "seed", "value": "simulated value of version 1 of seed"}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(8, 1))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	seen := map[string]int{}
	const steps = 500
	for i := range steps {
		op, args, key := pick("get", "get", "rotate", "revoke"), obj{"name": pick("seed", "a", "b", "none")}, fmt.Sprint("key-", random.IntN(40), args0(i))
		switch op {
		case "get":
			if random.IntN(2) == 0 {
				args["version"] = fmt.Sprint(1 + random.IntN(12))
			}
		case "rotate":
			if args["name"] == "none" {
				continue
			}
			args["value"], args["length"] = fmt.Sprint("value ", i), 32.0
		case "revoke":
			args["version"] = fmt.Sprint(1 + random.IntN(12))
		}
		real, realErr := b.Invoke(t.Context(), plugins.Request{Op: op, Args: args, Key: key})
		modelArgs := obj{}
		for k, v := range args {
			modelArgs[k] = v
		}
		if op == "rotate" {
			modelArgs["value"] = effect.NewSecret("value", args["value"].(string))
		}
		modeled, modelErr := model.Do(effect.Moment{Now: time.Unix(int64(i), 0), Key: key + args["name"].(string), World: func(string) map[string]any { return nil }}, op, modelArgs)
		if realErr != nil || modelErr != nil {
			r, m := effect.AsError(realErr), effect.AsError(modelErr)
			if r == nil || m == nil || r.Code != m.Code {
				t.Fatalf("step %d, %s %v: the files give %v, the model %v", i, op, args, realErr, modelErr)
			}
			seen[op+" "+string(r.Code)]++
			continue
		}
		says := modeled.(obj)
		if s, ok := says["value"].(effect.Secret); ok {
			says["value"] = s.Reveal()
		}
		if !reflect.DeepEqual(real, any(says)) {
			t.Fatalf("step %d, %s %v: the files give %v, the model %v", i, op, args, real, says)
		}
		seen[op]++
	}
	plugintest.Compared(t, "file", files, plugintest.Sum(seen))
	for _, what := range []string{"get", "rotate", "revoke", "get not_found", "get gone", "revoke not_found"} {
		if seen[what] < 5 {
			t.Errorf("%s came %d times in %d steps: the walk shows too little", what, seen[what], steps)
		}
	}
}

// args0 makes some keys recur, as those of repeated effects do.
func args0(i int) string { return fmt.Sprint("-", i/50) }
