package program

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Settings is what a backend's configuration says of the environment of its
// programs.
type Settings struct {
	Base    map[string]string // what passes, and the configured variables; secrets aside
	Secrets map[string]string // by the name of the variable
	silent  []string          // patterns of variables about which nothing is said
}

// Fields declares the part of the configuration that NewSettings reads.
func Fields() []effect.Field {
	text := func(secret bool) *effect.Field { return &effect.Field{Type: effect.String, Secret: secret} }
	return []effect.Field{
		{Name: "path", Type: effect.String, Doc: "the value of PATH; that of runbook itself if left out"},
		{Name: "env", Type: effect.Map, Elem: text(false), Doc: "variables for every program"},
		{Name: "secrets", Type: effect.Map, Elem: text(true), Doc: "variables for every program whose values are never shown"},
		{Name: "pass", Type: effect.List, Elem: text(false),
			Doc: `variables of runbook's own environment that every program sees where they are set, as names or patterns ("KUBECONFIG", "AWS_*"), beside PATH, HOME, USER, LOGNAME, LANG, LC_*, TZ and TMPDIR`},
		{Name: "withhold", Type: effect.List, Elem: text(false),
			Doc: "well-known variables that are not to pass, so that nothing is said about it; names or patterns"},
	}
}

// NewSettings reads a configuration in canonical form, secrets as plain
// strings.
func NewSettings(config map[string]any) (*Settings, error) {
	s := &Settings{Secrets: StringMap(config["secrets"]), silent: StringList(config["withhold"])}
	pass := StringList(config["pass"])
	for _, patterns := range [][]string{pass, s.silent} {
		if err := CheckPass(patterns); err != nil {
			return nil, err
		}
	}
	s.Base = Inherited(append(passed(), pass...))
	if path, ok := config["path"].(string); ok {
		s.Base["PATH"] = path
	}
	configured := StringMap(config["env"])
	if err := CheckEnv("env", configured); err != nil {
		return nil, err
	}
	if err := CheckEnv("secrets", s.Secrets); err != nil {
		return nil, err
	}
	for name := range configured {
		if _, twice := s.Secrets[name]; twice {
			return nil, effect.Errorf(effect.CodeInvalid, "env and secrets both set %s", name)
		}
	}
	maps.Copy(s.Base, configured)
	return s, nil
}

// Notice says which variables do not pass.
type Notice struct {
	Say func(text string) // nil for the run's log

	mu   sync.Mutex
	told map[string]bool // of which it was said
}

// Withheld says, once for each, which well-known variables are set and do not
// reach a program with this environment: it may act on another cluster or
// account than the one that whoever started it has in mind. where says what to
// write to let one pass: "add pass = { %q } to …".
func (n *Notice) Withheld(s *Settings, vars map[string]string, where string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var names []string
	for _, name := range withheld(vars) {
		if !n.told[name] && !Matches(s.silent, name) {
			if n.told == nil {
				n.told = map[string]bool{}
			}
			n.told[name] = true
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	text := strings.Join(names, ", ") + ": set here, and not seen by programs: " + fmt.Sprintf(where, names[0])
	if n.Say != nil {
		n.Say(text)
		return
	}
	fmt.Fprintln(os.Stderr, text)
}

// StringMap reads a canonical map of strings; nil gives an empty one.
func StringMap(v any) map[string]string {
	m, _ := v.(map[string]any)
	out := make(map[string]string, len(m))
	for name, value := range m {
		out[name], _ = value.(string)
	}
	return out
}

// StringList reads a canonical list of strings.
func StringList(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, _ := e.(string)
		out = append(out, s)
	}
	return out
}
