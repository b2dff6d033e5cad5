package admin

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/yuin/gopher-lua/parse"
	"go.yaml.in/yaml/v4"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/reference"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/starter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func newTestApp() commands {
	return commands{App: app.New(strings.NewReader(""), io.Discard, io.Discard)}
}

// TestReferencePages holds docs/reference against what the program declares.
func TestReferencePages(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "..", "docs", "reference")
	pages := newTestApp().reference(nil).Markdown()
	found, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if _, ok := pages[filepath.Base(path)]; !ok && filepath.Base(path) != "json.md" { // which the package cli tests
			t.Errorf("%s describes what there is not; run make docs", path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(text) != pages[name] {
			t.Errorf("docs/reference/%s is not what the program says; run make docs (%v)", name, err)
		}
	}
}

// TestEverythingIsDocumented wants a text for each thing that can be looked up.
func TestEverythingIsDocumented(t *testing.T) {
	r := newTestApp().reference(nil)
	for _, m := range r.Modules {
		if m.Doc == "" {
			t.Errorf("module %s has no Doc", m.Name)
		}
		ops := slices.Clone(m.Ops)
		for _, c := range m.Composites {
			ops = append(ops, c.Op)
		}
		for _, op := range ops {
			if op.Doc == "" {
				t.Errorf("%s has no Doc", op.String())
			}
			documented(t, op.String(), op.Args)
			documented(t, op.String()+" returns", op.Returns)
		}
		documented(t, m.Name+" in a scenario", m.Scenario.Fields)
		if m.Scenario.Rest != nil {
			documented(t, m.Name+" in a scenario", []effect.Field{*m.Scenario.Rest})
		}
		if m.Model != nil && !m.Scenario.Declared() {
			t.Errorf("module %s declares nothing that a scenario may say of it", m.Name)
		}
	}
	for _, b := range r.Backends {
		documented(t, b.Name, b.Config)
	}
}

func documented(t *testing.T, where string, fields []effect.Field) {
	t.Helper()
	for i := range fields {
		if fields[i].Doc == "" {
			t.Errorf("%s: %s has no Doc", where, fields[i].Name)
		}
		documented(t, where+"."+fields[i].Name, fields[i].Fields)
		if fields[i].Elem != nil {
			documented(t, where+"."+fields[i].Name, fields[i].Elem.Fields)
		}
	}
}

func TestStubsAreLua(t *testing.T) {
	stubs := newTestApp().reference(nil).LuaLS()
	for _, name := range slices.Sorted(maps.Keys(stubs)) {
		if _, err := parse.Parse(strings.NewReader(stubs[name]), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, want := range []string{"function traffic.split(args) end", "---@field pool? string", "---@field [string] percent"} {
		if !strings.Contains(stubs["traffic.lua"], want) {
			t.Errorf("traffic.lua lacks %q", want)
		}
	}
	if !strings.Contains(stubs["runbook.lua"], "function log.info(") || !strings.Contains(stubs["runbook.lua"], "function step(") {
		t.Error("runbook.lua declares no log.info or no step")
	}
}

// TestSchema holds the schema against files that the program takes and
// refuses.
func TestSchema(t *testing.T) {
	schema := compiled(t, newTestApp().reference(nil).Schema(config.Version))
	start, err := starter.Files()
	if err != nil {
		t.Fatal(err)
	}
	const head = "version: 1\nenvironments:\n  default:\n    "
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"first configuration":     {start["runbook.yaml"], true},
		"example of every module": {config.Example("default", "traffic", "health", "notify", "exec"), true},
		"environment that builds": {"version: 1\nenvironments:\n  default:\n    exec: { backend: exec }\n  lab: { extends: default }\n", true},
		"own backend":             {head + "lamp: { backend: lamp, any: [1, 2] }", true},
		"several backends":        {head + "secrets:\n      - { backend: env, variables: { a: A }, ops: [get] }\n      - { backend: file, dir: /s }", true},
		"one with ops":            {head + "secrets: { backend: file, dir: /s, ops: [rotate] }", true},
		"own backends":            {head + "lamp: [{ backend: lamp, ops: [set] }, { backend: bulb, any: 1 }]", true},
		"no backends":             {head + "secrets: []", false},
		"item without a backend":  {head + "secrets: [{ dir: /s }]", false},
		"unknown key of several":  {head + "secrets: [{ backend: file, dir: /s, dri: x }]", false},
		"op that it lacks":        {head + "secrets: [{ backend: env, variables: { a: A }, ops: [rotate] }]", false},
		"no ops":                  {head + "secrets: { backend: file, dir: /s, ops: [] }", false},
		"own item without one":    {head + "lamp: [{ any: 1 }]", false},
		"text":                    {head + "secrets: file", false},
		"unknown key":             {head + "traffic: { backend: haproxy, socket: /s, pool: web, sockte: x }", false},
		"missing key":             {head + "traffic: { backend: haproxy, socket: /s }", false},
		"no backend":              {head + "exec: { allow: [ls] }", false},
		"wrong type":              {head + "traffic: { backend: haproxy, socket: /s, pool: web, scale: many }", false},
		"no version":              {"environments: { default: {} }", false},
	} {
		err := schema.Validate(fromYAML(t, c.text))
		if (err == nil) != c.ok {
			t.Errorf("%s: valid is %v, want %v: %v\n%s", name, err == nil, c.ok, err, c.text)
		}
	}
}

func compiled(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("runbook.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("runbook.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// fromYAML reads YAML as the validator wants it: as JSON has it.
func fromYAML(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFindOfNames(t *testing.T) {
	r := newTestApp().reference(nil)
	for _, name := range r.Names() {
		entries := r.Find(name)
		if len(entries) == 0 {
			t.Errorf("Names has %q, and Find does not know it", name)
		}
		for _, e := range entries {
			if data, err := json.Marshal(r.JSON(e)); err != nil || len(data) < 20 {
				t.Errorf("%s: JSON is %s, %v", name, data, err)
			}
		}
	}
	// What stands in no declaration of an op or a backend: the file's own keys, and undo.
	for name, want := range map[string]string{"calendars": "runbook.yaml.calendars", "approvals.as": "runbook.yaml.approvals.as",
		"runbook.yaml.people.NAME.tokens": "runbook.yaml.people.NAME.tokens", "people.NAME.tokens.expires": "runbook.yaml.people.NAME.tokens.expires",
		"extends": "runbook.yaml.environments.NAME.extends", "ops": "runbook.yaml.environments.NAME.NAME.ops"} {
		if found := r.Find(name); len(found) != 1 || found[0].Member == nil || found[0].Member.String() != want {
			t.Errorf("%s: found %+v, want %s", name, found, want)
		}
	}
	if found := r.Find("undo"); len(found) != 1 || found[0].Function == nil || !strings.HasPrefix(found[0].Function.Name, "on_rollback") {
		t.Errorf("undo: found %+v", found)
	}
	both := r.Find("exec")
	if len(both) != 2 || both[0] == (reference.Entry{}) {
		t.Errorf("exec is a module and a backend; found %d entries", len(both))
	}
}
