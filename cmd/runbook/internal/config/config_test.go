package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func load(t *testing.T, path string) *Config {
	t.Helper()
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func environment(t *testing.T, c *Config, name string) *Environment {
	t.Helper()
	e, err := c.Environment(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// all returns the errors that err joins.
func all(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func TestLoad(t *testing.T) {
	c := load(t, "testdata/good.yaml")
	beside, err := filepath.Abs("testdata/plugins")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{beside, "/opt/runbook/plugins"}; !reflect.DeepEqual(c.Dirs, want) {
		t.Errorf("Dirs = %v, want %v", c.Dirs, want)
	}
	if want := "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"; c.SHA256["acme"] != want {
		t.Errorf("SHA256 = %v", c.SHA256)
	}
	for _, tt := range []struct{ env, modules, traffic string }{
		{"", "exec health traffic", "testdata/good.yaml:9"},
		{"prod", "exec health notify traffic", "testdata/good.yaml:17"},
		{"staging", "exec health notify traffic", "testdata/good.yaml:17"},
		{"empty", "", ""},
	} {
		e := environment(t, c, tt.env)
		if got := strings.Join(e.Modules(), " "); got != tt.modules {
			t.Errorf("%s: modules %q, want %q", tt.env, got, tt.modules)
		}
		if got := e.Where(Carrier{Module: "traffic"}).String(); got != tt.traffic {
			t.Errorf("%s: traffic at %q, want %q", tt.env, got, tt.traffic)
		}
	}
	if b, err := environment(t, c, "staging").Backends("notify"); err != nil || !reflect.DeepEqual(b, []string{"shoutrrr"}) {
		t.Errorf("staging's notify: %q, %v", b, err)
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	files, _ := filepath.Glob("testdata/wrong/*.yaml")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			wanted := map[string][]string{}
			for i, line := range strings.Split(string(text), "\n") {
				for _, want := range strings.Split(line, " # error: ")[1:] {
					at := fmt.Sprintf("%s:%d", path, i+1)
					wanted[at] = append(wanted[at], want)
				}
			}
			_, err = Load(path)
			for _, e := range all(err) {
				var ce *Error
				if !errors.As(e, &ce) {
					t.Fatalf("not an *Error: %v", e)
				}
				at, found := ce.Where.String(), false
				for i, want := range wanted[at] {
					if regexp.MustCompile(want).MatchString(ce.Error()) {
						wanted[at] = append(wanted[at][:i:i], wanted[at][i+1:]...)
						found = true
						break
					}
				}
				if !found {
					t.Errorf("not expected: %v", e)
				}
			}
			for at, rest := range wanted {
				for _, want := range rest {
					t.Errorf("not found: %s: %s", at, want)
				}
			}
		})
	}
}

func TestLoadRefusesBombs(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\nenvironments: { default: { traffic: { backend: haproxy } } }\nplugins:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "  a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	if _, err := Parse("bomb.yaml", []byte(b.String())); err == nil {
		t.Error("a document of a billion nodes was read")
	}
	if _, err := Parse("deep.yaml", []byte(strings.Repeat("[", 5000)+strings.Repeat("]", 5000))); err == nil {
		t.Error("a document nested 5000 deep was read")
	}
	if _, err := Parse("self.yaml", []byte("version: &a [*a]\n")); err == nil {
		t.Error("a document that holds itself was read")
	}
	if _, err := Parse("large.yaml", bytes.Repeat([]byte("# x\n"), maxFile)); err == nil {
		t.Error("a file beyond the bound was read")
	}
}

func TestEnvironmentIsChosen(t *testing.T) {
	one, err := Parse("one.yaml", []byte("version: 1\nenvironments: { lab: { exec: { backend: exec } } }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if e := environment(t, one, ""); e.Name != "lab" {
		t.Errorf("the only environment is %q", e.Name)
	}
	two, err := Parse("two.yaml", []byte("version: 1\nenvironments: { lab: {}, prod: {} }\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		config     *Config
		name, want string
	}{
		{two, "", "two.yaml:1: there is no environment \"default\"; choose one with --env: lab, prod"},
		{two, "prd", "two.yaml:1: there is no environment \"prd\"; did you mean \"prod\"?"},
		{&Config{}, "prod", "there is no environment \"prod\", because there is no configuration file; write a runbook.yaml, or leave --env out"},
	} {
		if _, err := tt.config.Environment(tt.name); err == nil || err.Error() != tt.want {
			t.Errorf("%q: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestMissingBackendShowsWhatToWrite(t *testing.T) {
	nothing := environment(t, &Config{}, "")
	if nothing.Modules() != nil {
		t.Errorf("modules of no file: %v", nothing.Modules())
	}
	for _, module := range []string{"traffic", "health", "notify", "exec", "acme"} {
		_, err := nothing.Backends(module)
		var ce *Error
		if !errors.As(err, &ce) || !strings.Contains(ce.Hint, "    "+module+":\n") {
			t.Errorf("%s: %v", module, err)
			continue
		}
		_, example, _ := strings.Cut(ce.Hint, "\n\n")
		if c, err := Parse("example.yaml", []byte(example)); err != nil && module != "acme" {
			t.Errorf("%s: the example is wrong: %v", module, err)
		} else if err == nil && c.environments["default"] == nil {
			t.Errorf("%s: the example has no default", module)
		}
	}
	e := environment(t, load(t, "testdata/good.yaml"), "")
	_, err := e.Backends("notify")
	if err == nil || !strings.HasPrefix(err.Error(), "testdata/good.yaml:8: environment default names no backend for the module notify") {
		t.Errorf("got %v", err)
	}
	if _, err := e.Resolve(nil, Carrier{Module: "notify"}); err == nil {
		t.Error("a module without an entry was resolved")
	}
}

func TestCheckModules(t *testing.T) {
	c, err := Parse("c.yaml", []byte("version: 1\nenvironments:\n  default:\n    trafic: { backend: haproxy }\n"))
	if err != nil {
		t.Fatal(err)
	}
	err = c.CheckModules([]string{"traffic", "health"})
	if want := `c.yaml:4: environment default: there is no module "trafic"; did you mean "traffic"?`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if err := c.CheckModules([]string{"trafic"}); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/wrong/*.yaml")
	for _, path := range append(files, "testdata/good.yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	fields := []effect.Field{{Name: "socket", Type: effect.String, Required: true},
		{Name: "channels", Type: effect.Map, Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{{Name: "url", Type: effect.String, Secret: true}}}}}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("x.yaml", text)
		if err != nil {
			return
		}
		for _, name := range c.Environments() {
			e, err := c.Environment(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, module := range e.Modules() {
				backends, err := e.Backends(module)
				if err != nil || len(backends) == 0 {
					t.Fatal(module, backends, err)
				}
				for _, b := range backends {
					_, _ = e.Resolve(fields, Carrier{module, b})
				}
				_, _ = e.Assign(effect.Module{Name: module}, nil)
			}
		}
	})
}
