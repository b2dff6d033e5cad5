package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func paramFields() []effect.Field {
	return []effect.Field{
		{Name: "version", Type: effect.String, Required: true, Pattern: `v\d+`},
		{Name: "bake", Type: effect.Duration, Default: "15m"},
		{Name: "regions", Type: effect.List, Elem: &effect.Field{Type: effect.String}},
		{Name: "count", Type: effect.Int, Min: effect.Bound(1)},
		{Name: "owner", Type: effect.String, Required: true},
		{Name: "token", Type: effect.String, Secret: true},
	}
}

func TestParseParams(t *testing.T) {
	t.Setenv("TEST_RUNBOOK_TOKEN", "s3cret")
	file := map[string]any{"version": "v1", "owner": "ann", "count": 2.0, "regions": []any{"eu"}}
	got, err := ParseParams(paramFields(), file, []string{"version=v2", "bake=90s", "regions=eu, us", "token=env:TEST_RUNBOOK_TOKEN"})
	if err != nil {
		t.Fatal(err)
	}
	if secret, ok := got["token"].(effect.Secret); !ok || secret.Reveal() != "s3cret" || secret.Name() != "env:TEST_RUNBOOK_TOKEN" {
		t.Errorf("token = %v", got["token"])
	}
	delete(got, "token")
	want := map[string]any{"version": "v2", "bake": 90.0, "regions": []any{"eu", "us"}, "count": 2.0, "owner": "ann"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if file["version"] != "v1" {
		t.Error("the file's values were changed")
	}
	got, err = ParseParams(paramFields(), nil, []string{"version=v1", "owner=a=b"})
	if want := map[string]any{"version": "v1", "owner": "a=b", "bake": 900.0}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParseParamsSaysEverythingThatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		file  map[string]any
		pairs []string
		want  []string
	}{
		{nil, nil, []string{"param version: is required: a string", "param owner: is required: a string"}},
		{nil, []string{"verson=v1", "owner=x"}, []string{`param verson: is not known here; did you mean "version"?`}},
		{nil, []string{"version=1", "owner=x", "count=0", "bake=soon"}, []string{
			`param version: must match v\d+, got "1"`, "param count: must be at least 1, got 0", `param bake: wants a duration like "15m", got "soon"`}},
		{nil, []string{"version=v1", "version=v2", "owner=x"}, []string{
			`param version: is given twice; give it once; the elements of a list are separated by commas, or stand in JSON: ["a,b", "c"]`}},
		{nil, []string{"version=v1", "owner=x", `regions=["eu", ["us"]]`}, []string{"param regions[2]: is no text, number, true or false"}},
		{nil, []string{"version=v1", "owner=x", "token=s3cret"}, []string{
			"param token: a secret may not stand here in clear; write env:NAME or file:PATH, and keep the secret there"}},
		{map[string]any{"version": "v1", "owner": "x", "token": "s3cret"}, []string{"s3cret"}, []string{
			"a parameter of the command line has no name or no value; write --param name=value",
			"param token: a secret may not stand here in clear; write env:NAME or file:PATH, and keep the secret there"}},
		{map[string]any{"version": 1.0, "owner": "x", "regions": []any{"eu", 3.0}}, nil, []string{
			`param version: wants a string, got 1; quote it in the file: "…"`, `param regions[2]: wants a string, got 3; quote it in the file: "…"`}},
	} {
		_, err := ParseParams(paramFields(), tt.file, tt.pairs)
		var got []string
		for _, e := range all(err) {
			got = append(got, e.Error())
			if strings.Contains(e.Error(), "s3cret") {
				t.Errorf("%v: the error shows the secret: %v", tt.pairs, e)
			}
		}
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%v:\n%s\nwant\n%s", tt.pairs, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}

// TestLists: elements stand between commas, or in JSON, where they may hold some.
func TestLists(t *testing.T) {
	for text, want := range map[string][]any{
		"eu, us": {"eu", "us"}, `["a,b", "c"]`: {"a,b", "c"}, ` ["a"]`: {"a"}, "[1, true]": {"1", "true"}, "[]": {},
		"[::1],[::2]": {"[::1]", "[::2]"}, `["a"] b`: {`["a"] b`},
	} {
		got, err := ParseParams(paramFields(), nil, []string{"version=v1", "owner=x", "regions=" + text})
		if err != nil || !reflect.DeepEqual(got["regions"], want) {
			t.Errorf("%s: %v, %v", text, got["regions"], err)
		}
	}
	counts := []effect.Field{{Name: "counts", Type: effect.List, Elem: &effect.Field{Type: effect.Int}}}
	if got, err := ParseParams(counts, nil, []string{"counts=[1, 2]"}); err != nil || !reflect.DeepEqual(got["counts"], []any{1.0, 2.0}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseParams(counts, nil, []string{"counts=[9007199254740993]"}); err == nil || !strings.Contains(err.Error(), "counts[1]: cannot be kept exactly") {
		t.Errorf("%v", err)
	}
}

func TestLoadParams(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"p.yaml": "version: v1 # the version\ncount: 3\nshare: 0.5\nbake: 15m\ndry: true\nregions: [eu, us]\nday: 2026-01-02\nnone: null\n",
		"p.json": `{"version": "v1", "count": 3, "share": 0.5, "bake": "15m", "dry": true, "regions": ["eu", "us"], "day": "2026-01-02", "none": null}`,
	} {
		got, err := LoadParams(write(t, filepath.Join(dir, name), text, 0o600))
		want := map[string]any{"version": "v1", "count": 3.0, "share": 0.5, "bake": "15m", "dry": true,
			"regions": []any{"eu", "us"}, "day": "2026-01-02", "none": nil}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := LoadParams(write(t, filepath.Join(dir, "empty.yaml"), "# nothing\n", 0o600)); err != nil || len(got) != 0 {
		t.Errorf("an empty file: %v, %v", got, err)
	}
	for text, want := range map[string]string{
		"a: 1\na: 2\n":         "w.yaml:2: a is given twice, first in line 1",
		`{"a": 1, "a": 2}`:     "w.yaml:1: a is given twice, first in line 1",
		"- a\n":                "w.yaml:1: a file of parameters holds a table, this one a list",
		"a: [\n":               "not YAML that can be read",
		"a: 1\nb: .nan\n":      "w.yaml:2: .nan is not a number to work with",
		"true: x\n":            "w.yaml:1: the key true is not a text",
		"a: 9007199254740993 ": "too large to be kept exactly",
	} {
		_, err := LoadParams(write(t, filepath.Join(dir, "w.yaml"), text, 0o600))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := LoadParams(filepath.Join(dir, "nowhere.yaml")); err == nil || !strings.HasPrefix(err.Error(), "read parameters: ") {
		t.Errorf("a missing file: %v", err)
	}
}

// TestLoadParamsFromAPipe: a shell makes one of <(…), and writes it once.
func TestLoadParamsFromAPipe(t *testing.T) {
	for text, want := range map[string]string{"owner: ann\n": "", "owner: " + strings.Repeat("x", maxFile): "has more than"} {
		pipe := filepath.Join(t.TempDir(), "pipe") // one each: what nobody read may stay in it
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Skipf("no pipes here: %v", err)
		}
		wrote := make(chan error, 1)
		go func() {
			f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
			if err == nil {
				_, _ = f.WriteString(text) // breaks where nobody reads on
				err = f.Close()
			}
			wrote <- err
		}()
		got, err := LoadParams(pipe)
		if want == "" && (err != nil || got["owner"] != "ann") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, %v, want %q", got, err, want)
		}
		if err := <-wrote; err != nil {
			t.Error(err)
		}
	}
}

func FuzzParams(f *testing.F) {
	f.Add([]byte("version: v1\nregions: [a]\n"), "bake=1m")
	f.Add([]byte(`{"token": "env:X"}`), "regions=a,b")
	f.Fuzz(func(t *testing.T, text []byte, pair string) {
		values, err := parseParamFile("x.yaml", text)
		if err != nil {
			return
		}
		_, _ = ParseParams(paramFields(), values, []string{pair})
	})
}
