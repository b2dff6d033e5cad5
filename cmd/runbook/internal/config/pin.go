package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Pin is what a run keeps of the environment that it was started in, so that
// whoever resumes or rolls it back, from wherever, acts on the same systems.
// It holds references to secrets, and no secret.
type Pin struct {
	Version     int           `json:"version"`
	File        string        `json:"file,omitempty"`   // the configuration's file, absolute; empty if there was none
	SHA256      string        `json:"sha256,omitempty"` // of its text
	Environment string        `json:"environment,omitempty"`
	Dir         string        `json:"dir"`                  // where the run was started
	Search      string        `json:"search,omitempty"`     // PATH there
	Script      string        `json:"script,omitempty"`     // the file of the script, absolute; empty if it is a shipped one
	Program     string        `json:"program"`              // the version of this program, which carries what is built in
	Executable  string        `json:"executable,omitempty"` // the SHA-256 of its file
	Approvals   Approvals     `json:"approvals,omitzero"`
	People      effect.People `json:"people,omitempty"`
	Modules     pinnedLists   `json:"modules"` // those that the run's script requires
}

// PinModule is one of the backends of a module, in the order in which they are
// asked.
type PinModule struct {
	Backend string         `json:"backend"`
	Line    int            `json:"line"`
	Ops     []string       `json:"ops,omitempty"`    // as they stand in the file
	Given   []string       `json:"given,omitempty"`  // which ops went to it, where the module has several backends
	Config  map[string]any `json:"config,omitempty"` // as it stands in the file
	Plugin  string         `json:"plugin,omitempty"` // the executable of a backend that is not built in
	SHA256  string         `json:"sha256,omitempty"` // of that
}

// pinVersion is the version of the pin's form. Version 1 held one backend for
// each module; runs that recorded it go on.
const pinVersion = 2

// pinnedLists are the backends of modules, by module.
type pinnedLists map[string][]PinModule

// UnmarshalJSON also reads version 1, where one backend stands in the place of a
// list.
func (l *pinnedLists) UnmarshalJSON(text []byte) error {
	var modules map[string]json.RawMessage
	if err := json.Unmarshal(text, &modules); err != nil {
		return err
	}
	*l = pinnedLists{}
	for module, text := range modules {
		if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
			text = slices.Concat([]byte("["), text, []byte("]"))
		}
		var list []PinModule
		if err := json.Unmarshal(text, &list); err != nil {
			return err
		}
		(*l)[module] = list
	}
	return nil
}

// Found is what was found for a backend that the environment names.
type Found struct {
	Path, SHA256 string   // its executable; empty for one that is built in
	Given        []string // the ops that go to it; nil for all that it carries
}

// Pin returns what a run in the environment keeps that needs these modules.
// found is what stands behind the backends; dir, search and program are as in Pin.
func (e *Environment) Pin(modules []string, found map[Carrier]Found, dir, search, program string) *Pin {
	p := &Pin{Version: pinVersion, Environment: e.Name, Dir: dir, Search: search, Program: program, Modules: pinnedLists{}}
	if e.config != nil && e.config.Path != "" {
		p.File, p.SHA256, p.Approvals, p.People = e.config.file, e.config.digest, e.config.Approvals, e.config.People
	}
	for _, name := range modules {
		m, _ := e.find(name)
		if m == nil {
			continue
		}
		var list []PinModule
		for _, b := range m.backends {
			values, _ := b.config.plain().(map[string]any)
			f := found[Carrier{name, b.name}]
			pinned := PinModule{Backend: b.name, Line: b.line, Ops: b.opNames(), Config: values, Plugin: f.Path, SHA256: f.SHA256}
			if len(m.backends) > 1 {
				pinned.Given = f.Given
			}
			list = append(list, pinned)
		}
		p.Modules[name] = list
	}
	return p
}

// Encode returns the pin as a run records it.
func (p *Pin) Encode() ([]byte, error) { return json.MarshalIndent(p, "", "  ") }

// DecodePin reads what Encode wrote.
func DecodePin(text []byte) (*Pin, error) {
	var head struct{ Version int }
	err := json.Unmarshal(text, &head)
	if err == nil && head.Version > pinVersion {
		return nil, fmt.Errorf("the environment that the run was started in was recorded by a newer runbook (version %d, this program reads %d): use that one",
			head.Version, pinVersion)
	}
	p := &Pin{}
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil {
		return nil, fmt.Errorf("the environment that the run was started in cannot be read: %w", err)
	}
	return p, nil
}

// Restore returns the environment as it was pinned. What was found for its
// backends is in the second result.
func (p *Pin) Restore() (*Environment, map[Carrier]Found) {
	c := &Config{Path: p.File, Approvals: p.Approvals, People: p.People, file: p.File, digest: p.SHA256, SHA256: map[string]string{}, environments: map[string]*Environment{}}
	e := &Environment{Name: p.Environment, config: c, line: 1, chain: []string{p.Environment}, pinned: true}
	c.environments[p.Environment] = e
	found := map[Carrier]Found{}
	for _, name := range sortedKeys(p.Modules) {
		m := &moduleEntry{name: name}
		for _, b := range p.Modules[name] {
			restored := &backendEntry{name: b.Backend, line: b.Line, config: nodeOf(b.Config, b.Line), given: b.Given}
			for _, op := range b.Ops {
				restored.ops = append(restored.ops, opName{op, b.Line})
			}
			m.backends = append(m.backends, restored)
			found[Carrier{name, b.Backend}] = Found{b.Plugin, b.SHA256, b.Given}
		}
		if len(m.backends) > 0 {
			m.line = m.backends[0].line
			e.own = append(e.own, m)
		}
	}
	return e, found
}

// nodeOf makes a value look as if it had been read from a file.
func nodeOf(v any, line int) *node {
	n := &node{line: line, kind: "nothing", value: v}
	switch v := v.(type) {
	case map[string]any:
		n.kind, n.value = "table", nil
		for _, key := range sortedKeys(v) {
			n.keys = append(n.keys, entry{key, line, nodeOf(v[key], line)})
		}
	case []any:
		n.kind, n.value = "list", nil
		for _, item := range v {
			n.items = append(n.items, nodeOf(item, line))
		}
	case string:
		n.kind = "text"
	case float64:
		n.kind = "number"
	case bool:
		n.kind = "true or false"
	}
	return n
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
