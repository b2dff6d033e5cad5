package exec

import (
	"maps"
	"path/filepath"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// settings is the configuration of a Backend.
type settings struct {
	base    map[string]string // what passes, and the configured variables
	secrets map[string]string // by the name of the variable
	silent  []string          // patterns of variables about which nothing is said
	dir     string            // absolute
	allow   allowList
	grace   time.Duration
}

// fields declares the configuration.
func fields() []effect.Field {
	text := func(secret bool) *effect.Field { return &effect.Field{Type: effect.String, Secret: secret} }
	return []effect.Field{
		{Name: "path", Type: effect.String, Doc: "the value of PATH; that of runbook itself if left out"},
		{Name: "env", Type: effect.Map, Elem: text(false), Doc: "variables for every program"},
		{Name: "secrets", Type: effect.Map, Elem: text(true), Doc: "variables for every program whose values are never shown"},
		{Name: "pass", Type: effect.List, Elem: text(false),
			Doc: `variables of runbook's own environment that every program sees where they are set, as names or patterns ("KUBECONFIG", "AWS_*"), beside PATH, HOME, USER, LOGNAME, LANG, LC_*, TZ and TMPDIR`},
		{Name: "withhold", Type: effect.List, Elem: text(false),
			Doc: "well-known variables that are not to pass, so that nothing is said about it; names or patterns"},
		{Name: "dir", Type: effect.String, Path: effect.IsPath, Doc: "where programs run, and where relative paths begin; the run's directory if left out"},
		{Name: "allow", Type: effect.List, Elem: &effect.Field{Type: effect.String, Path: effect.MayBePath, Min: effect.Bound(1)},
			Doc: `programs that may run, as paths, patterns ("/opt/deploy/*.sh") or names in PATH; any if empty. One that runs what its arguments say (find, awk, ssh, git) is as good as any`},
		{Name: "allow_env", Type: effect.List, Elem: text(false),
			Doc: "variables that a call may set or pass where allow is given, as names or patterns; left out, all but those by which a program can be made to run another"},
		{Name: "grace", Type: effect.Duration, Default: "5s",
			Doc: "how long a program may take to end after SIGTERM, before SIGKILL"},
	}
}

func newSettings(config map[string]any) (*settings, error) {
	s := &settings{secrets: stringMap(config["secrets"]), silent: stringList(config["withhold"])}
	pass := stringList(config["pass"])
	for _, patterns := range [][]string{pass, s.silent} {
		if err := checkPass(patterns); err != nil {
			return nil, err
		}
	}
	s.base = inherited(append(passed(), pass...))
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
	for name := range configured {
		if _, twice := s.secrets[name]; twice {
			return nil, effect.Errorf(effect.CodeInvalid, "env and secrets both set %s", name)
		}
	}
	maps.Copy(s.base, configured)
	dir, _ := config["dir"].(string)
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "dir: %q cannot be made absolute: %v", dir, err)
	}
	s.dir = abs
	s.allow = allowList{entries: stringList(config["allow"]), path: s.base["PATH"], dir: s.dir}
	for _, pattern := range s.allow.entries {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "allow: %q is no pattern: %v", pattern, err)
		}
	}
	if _, given := config["allow_env"]; given {
		s.allow.env = append([]string{}, stringList(config["allow_env"])...)
		if err := checkPass(s.allow.env); err != nil {
			return nil, err
		}
	}
	grace, _ := config["grace"].(float64)
	s.grace = effect.Seconds(grace)
	return s, nil
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

// stringList reads a canonical list of strings.
func stringList(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, _ := e.(string)
		out = append(out, s)
	}
	return out
}
