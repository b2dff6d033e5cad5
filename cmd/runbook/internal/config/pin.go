package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Pin is what a run keeps of the environment that it was started in, so that
// whoever resumes or rolls it back, from wherever, acts on the same systems.
// It holds references to secrets, and no secret.
type Pin struct {
	Version     int                  `json:"version"`
	File        string               `json:"file,omitempty"`   // the configuration's file, absolute; empty if there was none
	SHA256      string               `json:"sha256,omitempty"` // of its text
	Environment string               `json:"environment,omitempty"`
	Dir         string               `json:"dir"`              // where the run was started
	Search      string               `json:"search,omitempty"` // PATH there
	Program     string               `json:"program"`          // the version of this program, which carries what is built in
	Approvals   Approvals            `json:"approvals,omitzero"`
	Modules     map[string]PinModule `json:"modules"`
}

// PinModule is the entry of a module that the run's script requires.
type PinModule struct {
	Backend string         `json:"backend"`
	Line    int            `json:"line"`
	Config  map[string]any `json:"config,omitempty"` // as it stands in the file
	Plugin  string         `json:"plugin,omitempty"` // the executable of a backend that is not built in
	SHA256  string         `json:"sha256,omitempty"` // of that
}

// pinVersion is the version of the pin's form.
const pinVersion = 1

// Executable is the file of a backend that is not built in.
type Executable struct{ Path, SHA256 string }

// Pin returns what a run in the environment keeps that needs these modules.
// executables are those of the backends that are not built in, by module; dir,
// search and program are as in Pin.
func (e *Environment) Pin(modules []string, executables map[string]Executable, dir, search, program string) *Pin {
	p := &Pin{Version: pinVersion, Environment: e.Name, Dir: dir, Search: search, Program: program, Modules: map[string]PinModule{}}
	if e.config != nil && e.config.Path != "" {
		p.File, p.SHA256, p.Approvals = e.config.file, e.config.digest, e.config.Approvals
	}
	for _, name := range modules {
		m, _ := e.find(name)
		if m == nil {
			continue
		}
		values, _ := m.config.plain().(map[string]any)
		p.Modules[name] = PinModule{Backend: m.backend, Line: m.line, Config: values,
			Plugin: executables[name].Path, SHA256: executables[name].SHA256}
	}
	return p
}

// Encode returns the pin as a run records it.
func (p *Pin) Encode() ([]byte, error) { return json.MarshalIndent(p, "", "  ") }

// DecodePin reads what Encode wrote.
func DecodePin(text []byte) (*Pin, error) {
	p := &Pin{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("the environment that the run was started in cannot be read: %w", err)
	}
	if p.Version != pinVersion {
		return nil, fmt.Errorf("the environment that the run was started in was recorded by a newer runbook (version %d, this program reads %d): use that one",
			p.Version, pinVersion)
	}
	return p, nil
}

// Restore returns the environment as it was pinned. Its backends that are not
// built in are in the second result, by module.
func (p *Pin) Restore() (*Environment, map[string]Executable) {
	c := &Config{Path: p.File, Approvals: p.Approvals, file: p.File, digest: p.SHA256, SHA256: map[string]string{}, environments: map[string]*Environment{}}
	e := &Environment{Name: p.Environment, config: c, line: 1, chain: []string{p.Environment}, pinned: true}
	c.environments[p.Environment] = e
	executables := map[string]Executable{}
	for _, name := range sortedKeys(p.Modules) {
		m := p.Modules[name]
		e.own = append(e.own, &moduleEntry{name: name, line: m.Line, backend: m.Backend, config: nodeOf(m.Config, m.Line)})
		if m.Plugin != "" {
			executables[name] = Executable{m.Plugin, m.SHA256}
		}
	}
	return e, executables
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
