package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Version is the version of the file's format that this program reads.
const Version = 1

// Config is what a runbook.yaml says. The zero value is the configuration
// where there is no file: it has no environments.
type Config struct {
	Path   string            // the file, as it was named; "" if there is none
	Dirs   []string          // where external backends are looked for; absolute
	SHA256 map[string]string // pinned backends: name → lower-case hex digest

	// Approvals say how people answer what runs ask.
	Approvals Approvals

	// People are those who may answer; nil if the file names nobody.
	People effect.People

	// AuditKey refers to the Ed25519 key that signs exports of the record; empty for
	// none.
	AuditKey string

	environments map[string]*Environment
	calendars    map[string]*Calendar
	file         string // Path, absolute
	digest       string // SHA-256 of the file's text, in hex
}

// Approvals say how people answer what runs ask.
type Approvals struct {
	// OwnName refuses answers in another name than that of the operating
	// system's user.
	OwnName bool `json:"own_name,omitempty"`
}

// Load reads a configuration file. The error is a joined list of *Error, or
// what the system says about the file.
func Load(path string) (*Config, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse reads the text of a configuration file; path is what errors name and
// what relative paths in it start from.
func Parse(path string, text []byte) (*Config, error) {
	file, err := placeOf(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	root, err := parseYAML(path, text)
	if err != nil {
		return nil, err
	}
	r := &configReader{config: &Config{Path: path, file: file, digest: digest(text), SHA256: map[string]string{}, environments: map[string]*Environment{}, calendars: map[string]*Calendar{}}}
	if root == nil {
		root = &node{line: 1, kind: "table"}
	}
	r.root(root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return r.config, nil
}

// placeOf is the absolute path of a configuration file, with no link on the way to
// its folder: a link such as "current" may lead elsewhere when a run goes on. The
// file itself may be a link; what is in the folder is what the file speaks of.
func placeOf(path string) (string, error) {
	file, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
		file = filepath.Join(dir, filepath.Base(file))
	}
	return file, nil
}

// Environments returns the names of the environments in order.
func (c *Config) Environments() []string {
	names := make([]string, 0, len(c.environments))
	for name := range c.environments {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Environment returns the environment of that name. Without a name it is
// "default", or the only one there is; without a file it is an empty one.
func (c *Config) Environment(name string) (*Environment, error) {
	names := c.Environments()
	if name == "" {
		switch {
		case c.Path == "":
			return &Environment{config: c}, nil
		case c.environments["default"] != nil:
			name = "default"
		case len(names) == 1:
			name = names[0]
		default:
			return nil, errorf(effect.Position{File: c.Path, Line: 1}, "choose one with --env: "+list(names),
				"there is no environment \"default\"")
		}
	}
	if e, ok := c.environments[name]; ok {
		return e, nil
	}
	if c.Path == "" {
		return nil, errorf(effect.Position{}, "write a runbook.yaml, or leave --env out",
			"there is no environment %q, because there is no configuration file", name)
	}
	return nil, errorf(effect.Position{File: c.Path, Line: 1}, suggest(name, names), "there is no environment %q", name)
}

// CheckModules reports the modules of the file that are not among the known
// ones: those of the standard library and those that plugins bring.
func (c *Config) CheckModules(known []string) error {
	var p problems
	for _, name := range c.Environments() {
		e := c.environments[name]
		for _, m := range e.own {
			if !slices.Contains(known, m.name) {
				p.add(e.at(m.line), suggest(m.name, known), "environment %s: there is no module %q", name, m.name)
			}
		}
	}
	return p.err()
}

// configReader checks a document's shape and fills a Config.
type configReader struct {
	problems
	config *Config
}

func (r *configReader) at(line int) effect.Position {
	return effect.Position{File: r.config.Path, Line: line}
}

// table reports whether n is a table, and reports its unknown keys if known
// is given.
func (r *configReader) table(where string, n *node, known ...string) bool {
	if n.kind != "table" {
		r.add(r.at(n.line), "", "%s: wants a table, got %s", where, n.describe())
		return false
	}
	for _, e := range n.keys {
		if len(known) > 0 && !slices.Contains(known, e.key) {
			r.add(r.at(e.line), suggest(e.key, known), "%s: %s is not known here", where, e.key)
		}
	}
	return true
}

func (r *configReader) root(n *node) {
	if !r.table("the file", n, "version", "plugins", "approvals", "people", "calendars", "audit", "environments") {
		return
	}
	switch v := n.child("version"); {
	case v == nil:
		r.add(r.at(1), fmt.Sprintf("begin the file with version: %d", Version), "the file has no version")
	case v.kind != "number":
		r.add(r.at(v.line), fmt.Sprintf("write version: %d", Version), "version: wants a number, got %s", v.describe())
	case v.value.(float64) > Version:
		r.add(r.at(v.line), "use a newer version of runbook", "version %v is newer than this program, which reads version %d", v.value, Version)
	case v.value.(float64) != Version:
		r.add(r.at(v.line), fmt.Sprintf("write version: %d", Version), "there is no version %v", v.value)
	}
	if p := n.child("plugins"); p != nil {
		r.plugins(p)
	}
	if a := n.child("approvals"); a != nil {
		r.approvals(a)
	}
	if p := n.child("people"); p != nil {
		r.people(p)
	}
	if c := n.child("calendars"); c != nil {
		r.calendars(c)
	}
	if a := n.child("audit"); a != nil {
		r.audit(a)
	}
	envs := n.child("environments")
	if envs == nil {
		r.add(r.at(n.line), "add environments: { default: { … } }", "the file has no environments")
		return
	}
	if !r.table("environments", envs) {
		return
	}
	if len(envs.keys) == 0 {
		r.add(r.at(envs.line), "add one, such as default", "environments: there is none")
	}
	for _, e := range envs.keys {
		r.environment(e)
	}
	r.extend()
}

// approvals reads who may say what for whom.
func (r *configReader) approvals(n *node) {
	if !r.table("approvals", n, "as") {
		return
	}
	as := n.child("as")
	if as == nil {
		return
	}
	switch as.value {
	case "allow":
	case "refuse":
		r.config.Approvals.OwnName = true
	default:
		r.add(r.at(as.line), "write as: refuse, or as: allow", "approvals: as: wants refuse or allow, got %s", as.describe())
	}
}

// audit reads by what exports of the record are signed.
func (r *configReader) audit(n *node) {
	if !r.table("audit", n, "key") {
		return
	}
	key := n.child("key")
	if key == nil {
		return
	}
	ref, _ := key.value.(string)
	if !strings.HasPrefix(ref, "file:") && !strings.HasPrefix(ref, "env:") {
		r.add(r.at(key.line), secretHint, "audit: key: wants a reference to a secret")
		return
	}
	r.config.AuditKey = ref
}

// SigningKey returns the key that audit names; the zero Secret without one.
func (c *Config) SigningKey() (effect.Secret, error) {
	if c.AuditKey == "" {
		return effect.Secret{}, nil
	}
	return ResolveSecret("audit.key", c.AuditKey, filepath.Dir(c.file))
}

func (r *configReader) plugins(n *node) {
	if !r.table("plugins", n, "dirs", "sha256") {
		return
	}
	if dirs := n.child("dirs"); dirs != nil {
		if dirs.kind != "list" {
			r.add(r.at(dirs.line), "write dirs: [./plugins]", "plugins: dirs: wants a list, got %s", dirs.describe())
		}
		for _, d := range dirs.items {
			text, ok := d.value.(string)
			if !ok || text == "" {
				r.add(r.at(d.line), "", "plugins: dirs: wants the path of a directory, got %s", d.describe())
				continue
			}
			r.config.Dirs = append(r.config.Dirs, relativeTo(r.config.dir(), text))
		}
	}
	sums := n.child("sha256")
	if sums == nil || !r.table("plugins: sha256", sums) {
		return
	}
	for _, e := range sums.keys {
		text, _ := e.value.value.(string)
		if text = strings.ToLower(text); !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(text) {
			r.add(r.at(e.line), "sha256sum prints it; put it in quotes", "plugins: sha256: %s: wants 64 hexadecimal digits", e.key)
			continue
		}
		r.config.SHA256[e.key] = text
	}
}

func (r *configReader) environment(e entry) {
	where := "environment " + e.key
	env := &Environment{Name: e.key, config: r.config, line: e.line}
	r.config.environments[e.key] = env
	if e.value.kind == "nothing" { // "lab:" alone: nothing configured yet
		return
	}
	if !r.table(where, e.value) {
		return
	}
	for _, m := range e.value.keys {
		if m.key == "extends" {
			text, ok := m.value.value.(string)
			if !ok {
				r.add(r.at(m.line), "write extends: default", "%s: extends: wants the name of an environment, got %s", where, m.value.describe())
			}
			env.extends, env.extendsLine = text, m.line
			continue
		}
		if m.key == "calendar" {
			text, _ := m.value.value.(string)
			if env.calendar = text; r.config.calendars[text] == nil {
				r.add(r.at(m.line), suggest(text, sortedKeys(r.config.calendars)), "%s: calendar: there is none called %q in calendars", where, text)
			}
			continue
		}
		r.module(env, where+": "+m.key, m)
	}
}

// extend resolves the environments that build on others.
func (r *configReader) extend() {
	for _, name := range r.config.Environments() {
		e := r.config.environments[name]
		chain := []string{name}
		for e.extends != "" {
			parent, ok := r.config.environments[e.extends]
			if !ok {
				if e.Name == name {
					r.add(r.at(e.extendsLine), suggest(e.extends, r.config.Environments()), "environment %s: extends: there is no environment %q", name, e.extends)
				}
				break
			}
			if slices.Contains(chain, parent.Name) {
				if parent.Name == name {
					r.add(r.at(parent.extendsLine), "", "environment %s extends itself: %s", name, strings.Join(append(chain, name), " → "))
				}
				break
			}
			chain = append(chain, parent.Name)
			e = parent
		}
		r.config.environments[name].chain = chain
	}
}

// describe says in words what a value is, without showing a text: it may be
// a secret.
func (n *node) describe() string {
	switch n.kind {
	case "number", "true or false":
		return fmt.Sprint(n.value)
	case "nothing":
		return "nothing"
	}
	return "a " + n.kind
}

// dir is where the relative paths in the file begin.
func (c *Config) dir() string { return filepath.Dir(c.file) }

func relativeTo(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// list puts names into a sentence.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
