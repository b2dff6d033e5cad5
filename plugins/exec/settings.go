package exec

import (
	"path/filepath"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
)

// settings is the configuration of a Backend.
type settings struct {
	vars  *program.Settings
	dir   string // absolute
	allow allowList
	grace time.Duration
}

// fields declares the configuration.
func fields() []effect.Field {
	text := &effect.Field{Type: effect.String}
	return append(program.Fields(), []effect.Field{
		{Name: "dir", Type: effect.String, Path: effect.IsPath, Doc: "where programs run, and where relative paths begin; the run's directory if left out"},
		{Name: "allow", Type: effect.List, Elem: &effect.Field{Type: effect.String, Path: effect.MayBePath, Min: effect.Bound(1)},
			Doc: `programs that may run, as paths, patterns ("/opt/deploy/*.sh") or names in PATH; any if empty. One that runs what its arguments say (find, awk, ssh, git) is as good as any`},
		{Name: "allow_env", Type: effect.List, Elem: text,
			Doc: "variables that a call may set or pass where allow is given, as names or patterns; left out, all but those by which a program can be made to run another"},
		{Name: "grace", Type: effect.Duration, Default: "5s",
			Doc: "how long a program may take to end after SIGTERM, before SIGKILL"},
	}...)
}

func newSettings(config map[string]any) (*settings, error) {
	vars, err := program.NewSettings(config)
	if err != nil {
		return nil, err
	}
	s := &settings{vars: vars}
	dir, _ := config["dir"].(string)
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "dir: %q cannot be made absolute: %v", dir, err)
	}
	s.dir = abs
	s.allow = allowList{entries: program.StringList(config["allow"]), path: s.vars.Base["PATH"], dir: s.dir}
	for _, pattern := range s.allow.entries {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "allow: %q is no pattern: %v", pattern, err)
		}
	}
	if _, given := config["allow_env"]; given {
		s.allow.env = append([]string{}, program.StringList(config["allow_env"])...)
		if err := program.CheckPass(s.allow.env); err != nil {
			return nil, err
		}
	}
	grace, _ := config["grace"].(float64)
	s.grace = effect.Seconds(grace)
	return s, nil
}
