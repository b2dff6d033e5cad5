package exec

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// settings is the configuration of a Backend.
type settings struct {
	base    map[string]string // PATH, HOME, LANG and the configured variables
	secrets map[string]string // by the name of the variable
	dir     string            // absolute
	allow   []string
	grace   time.Duration
}

func newSettings(config map[string]any) (*settings, error) {
	s := &settings{base: map[string]string{}, secrets: stringMap(config["secrets"])}
	for _, name := range []string{"PATH", "HOME", "LANG"} {
		if v, ok := os.LookupEnv(name); ok {
			s.base[name] = v
		}
	}
	if path, ok := config["path"].(string); ok {
		s.base["PATH"] = path
	}
	configured := stringMap(config["env"])
	if err := checkEnv("env", configured); err != nil {
		return nil, err
	}
	if err := checkEnv("secrets", s.secrets); err != nil {
		return nil, err
	}
	for name, value := range configured {
		if _, twice := s.secrets[name]; twice {
			return nil, effect.Errorf(effect.CodeInvalid, "env and secrets both set %s", name)
		}
		s.base[name] = value
	}
	dir, _ := config["dir"].(string)
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "dir: %q cannot be made absolute: %v", dir, err)
	}
	s.dir = abs
	list, _ := config["allow"].([]any)
	for _, v := range list {
		pattern, _ := v.(string)
		if _, err := filepath.Match(pattern, ""); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "allow: %q is no pattern: %v", pattern, err)
		}
		s.allow = append(s.allow, pattern)
	}
	grace, _ := config["grace"].(float64)
	s.grace = effect.Seconds(grace)
	return s, nil
}

// allows reports whether a program may run. A name without a slash stands for
// the program of that name in the configured PATH, which a call cannot change.
func (s *settings) allows(path string) bool {
	if len(s.allow) == 0 {
		return true
	}
	for _, pattern := range s.allow {
		if !strings.Contains(pattern, "/") {
			if found, err := lookPath(pattern, s.base["PATH"], s.dir); err == nil && found == path {
				return true
			}
			continue
		}
		if ok, _ := filepath.Match(within(s.dir, pattern), path); ok {
			return true
		}
	}
	return false
}

// checkEnv verifies the names and values of variables.
func checkEnv(field string, env map[string]string) error {
	for name, value := range env {
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			return effect.Errorf(effect.CodeInvalid, "%s: %q is no name of an environment variable", field, name)
		case strings.ContainsRune(value, 0):
			return effect.Errorf(effect.CodeInvalid, "%s.%s: the value holds a NUL byte, which no environment can carry", field, name)
		}
	}
	return nil
}

// stringMap reads a canonical map of strings; nil gives an empty one.
func stringMap(v any) map[string]string {
	m, _ := v.(map[string]any)
	out := make(map[string]string, len(m))
	for name, value := range m {
		out[name], _ = value.(string)
	}
	return out
}
