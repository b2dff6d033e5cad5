package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Spec says how to start one plugin and what to tell it.
type Spec struct {
	Name   string // the backend: "haproxy"
	Module string // the module it is to carry: "traffic"
	// Ops are the only ops of the module that go to it; nil for all that it
	// carries.
	Ops []string
	// Path is the executable of a plugin that is no part of this program. A
	// relative one counts from the host's working directory.
	Path string
	Args []string
	// SHA256 is the digest of the executable that the operator pinned, in hex.
	SHA256 string
	// Builtin starts this program itself, with the arguments "plugin NAME"
	// unless Args says otherwise. Path and SHA256 are not used.
	Builtin bool
	// Config is checked against what the backend declares; values may be
	// effect.Secret.
	Config map[string]any
	Dir    string   // where it runs; the host's working directory if empty
	Env    []string // beside PATH, HOME, LANG and TMPDIR: "KEY=value"
	// Inherit hands the plugin all of the host's environment. It is for
	// backends that decide themselves what of it goes where.
	Inherit bool
}

// check reports what is missing from the spec.
func (s *Spec) check() error {
	switch {
	case s.Name == "":
		return errors.New("a backend without a name")
	case s.Builtin:
		return nil
	case s.Path == "":
		return fmt.Errorf("backend %s: there is no executable for it: it is not built in, and no plugin runbook-plugin-%s was found", s.Name, s.Name)
	case s.SHA256 == "":
		return &PinError{Backend: s.Name, Path: s.Path}
	}
	return nil
}

// command returns what to execute and with which arguments, the first of them
// being the program's name.
func (s *Spec) command() (*executable, []string, error) {
	if s.Builtin {
		bin, err := selfExecutable()
		if err != nil {
			return nil, nil, err
		}
		args := s.Args
		if args == nil {
			args = []string{"plugin", s.Name}
		}
		return bin, append([]string{bin.name}, args...), nil
	}
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return nil, nil, err
	}
	bin, err := pinnedExecutable(path, s.SHA256)
	if err != nil {
		return nil, nil, err
	}
	return bin, append([]string{path}, s.Args...), nil
}

// environment is all that the plugin sees of the host's, and what the spec
// adds; the latter wins.
func (s *Spec) environment() []string {
	var env []string
	if s.Inherit {
		for _, kv := range os.Environ() {
			if name, _, _ := strings.Cut(kv, "="); name != "" && !s.sets(name) {
				env = append(env, kv)
			}
		}
		return append(env, s.Env...)
	}
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok && !s.sets(name) {
			env = append(env, name+"="+v)
		}
	}
	return append(env, s.Env...)
}

func (s *Spec) sets(name string) bool {
	for _, kv := range s.Env {
		if strings.HasPrefix(kv, name+"=") {
			return true
		}
	}
	return false
}
