package files

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/files"
)

// TestModelDoesWhatFilesDo walks real files and the model of the module at
// random, and holds what they say against each other.
func TestModelDoesWhatFilesDo(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 9))
	words := []string{"error: a", "fine", "2026-01-31T03:00:00Z error: b", "2026-01-31 05:00:00 fine", "", "x\\y", "Error"}
	contents, ages := map[string]string{}, map[string]time.Duration{}
	for _, name := range []string{"app.log", "app.txt", "old/app.log", "old/deep/app.log", "old.log", "b/c", "b.d", "none"} {
		var text strings.Builder
		for range random.IntN(6) {
			text.WriteString(words[random.IntN(len(words))] + "\n")
		}
		contents[name] = strings.TrimSuffix(text.String(), strings.Repeat("\n", random.IntN(2)))
		ages[name] = time.Duration(random.IntN(72)) * time.Hour
	}
	dir := tree(t, contents)
	put(t, filepath.Join(dir, "made", "keep"), "")
	contents["made/keep"], ages["made/keep"] = "", 0
	now := time.Now()
	state := obj{}
	for name, text := range contents {
		at := now.Add(-ages[name])
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
		state[filepath.Join(dir, name)] = obj{"text": text, "age": ages[name].Seconds()}
	}
	model := contract.NewModel()
	if err := model.Load(state); err != nil {
		t.Fatal(err)
	}
	b := backend(t, obj{"roots": []any{dir}, "archives": []any{dir + "/made"}, "zone": "UTC"})
	paths := []string{"", "/", "/app.log", "/old", "/old/", "/*.log", "/o*", "/*/app.log", "/none.log", "/none*x", "/b", "/old/../b", "/[ab]*", "/made/*.gz"}
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	some := func() []any {
		list := []any{dir + pick(paths)}
		if random.IntN(2) == 0 {
			list = append(list, dir+pick(paths))
		}
		return list
	}
	seen := map[string]int{}
	steps := 600
	if testing.Short() {
		steps = 250
	}
	for i := range steps {
		op, args := pick([]string{"hash", "search", "search", "archive"}), obj{}
		switch op {
		case "hash":
			args["path"], args["algorithm"] = dir+pick(paths), pick([]string{"sha256", "sha512"})
			if strings.ContainsAny(args["path"].(string), "*[") {
				continue
			}
		case "search":
			args["paths"], args["pattern"], args["max"] = some(), pick([]string{"error", "(?i)error", "^$", "x.y", "("}), float64(1+random.IntN(8))
			if random.IntN(3) == 0 {
				args["from"] = pick([]string{"2026-01-31T02:00:00Z", "2026-01-31T04:00:00Z"})
			}
			if random.IntN(4) == 0 {
				args["to"] = "2026-01-31T04:30:00Z"
			}
		case "archive":
			args["paths"], args["to"] = some(), fmt.Sprintf("%s/made/%d.tar.gz", dir, random.IntN(40))
		}
		if op != "hash" && random.IntN(3) == 0 {
			args["since"] = float64(random.IntN(80))*3600 + 1800 // half an hour from any age at the least
		}
		key := fmt.Sprint("key-", i)
		if op == "archive" && random.IntN(2) == 0 {
			key = "key-" + filepath.Base(args["to"].(string)) // the same effect again, perhaps
		}
		req := request(t, op, key, args)
		real, realErr := b.Invoke(t.Context(), req)
		m := effect.Moment{Now: now, Start: now, Key: key, World: func(string) map[string]any { return nil }}
		modeled, modelErr := model.Do(m, op, req.Args)
		if realErr != nil || modelErr != nil {
			r, s := effect.AsError(realErr), effect.AsError(modelErr)
			if r == nil || s == nil || r.Code != s.Code || r.Retryable != s.Retryable {
				t.Fatalf("step %d, %s %v: the files give %v, the model %v", i, op, args, realErr, modelErr)
			}
			seen[op+" "+string(r.Code)]++
			continue
		}
		is, says := told(op, dir, args, real), told(op, dir, args, modeled)
		if !reflect.DeepEqual(is, says) {
			t.Fatalf("step %d, %s %v:\nthe files give %v\nthe model      %v", i, op, args, is, says)
		}
		seen[op]++
	}
	for _, what := range []string{"hash", "search", "archive", "hash not_found", "search not_found", "search unsupported", "search invalid", "archive conflict", "archive not_found"} {
		if seen[what] < steps/150 {
			t.Errorf("%s came %d times in %d steps: the walk shows too little", what, seen[what], steps)
		}
	}
	plugintest.Compared(t, "files", plugintest.System{Name: "files"}, plugintest.Sum(seen))
}

// told leaves out what a model cannot know: how an archive is compressed, and
// with it the hash and the lines of what holds one.
func told(op, dir string, args obj, value any) obj {
	v := maps.Clone(value.(obj))
	switch {
	case op == "archive":
		delete(v, "size")
		delete(v, "sha256")
	case op == "hash" && filepath.Clean(args["path"].(string)) == dir:
		delete(v, "hash")
		delete(v, "size")
	case op == "search":
		list := args["paths"].([]any)
		for _, p := range list {
			if p := strings.TrimSuffix(p.(string), "/"); p == dir || p == dir+"/*" || strings.Contains(p, "/made/") {
				return obj{}
			}
		}
	}
	return v
}
