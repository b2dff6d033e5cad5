package script

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

// settings is the configuration of a Backend.
type settings struct {
	programs    map[string]string // by op: an absolute path, or a name in PATH
	vars        *program.Settings
	environment string // where a call names none
	region      string
	dir         string // absolute; "" for that of the program
	grace       time.Duration
	on          []string      // which hosts programs run on; nil for here
	hosts       *remote.Hosts // nil where on is
	limit       int           // of hosts at once; 0 for the usual
}

// fields declares the configuration.
func fields() []effect.Field {
	file := effect.Field{Type: effect.String, Path: effect.MayBePath, Min: effect.Bound(1)}
	all := file
	all.Name, all.Doc = "program", "the program that carries all ops out: a path or a name in PATH, run with the op's name as its first argument"
	each := effect.Field{Name: "programs", Type: effect.Object, Doc: "programs of single ops, where they are not `program`"}
	for _, op := range carried() {
		one := file
		one.Name, one.Doc = op.Name, "the program of deploy."+op.Name
		each.Fields = append(each.Fields, one)
	}
	one := file
	one.Name, one.Doc = jobStatus, "the program that tells what has become of a job"
	each.Fields = append(each.Fields, one)
	return append([]effect.Field{all, each,
		{Name: "environment", Type: effect.String, Doc: "the environment of calls that name none"},
		{Name: "region", Type: effect.String, Doc: "the region of calls that name none"},
		{Name: "dir", Type: effect.String, Path: effect.IsPath, Doc: "where programs run; the directory of the program if left out"},
		{Name: "grace", Type: effect.Duration, Default: "3s", Max: effect.Bound(3), // more the host does not wait for
			Doc: "how long a program may take to end after SIGTERM, before SIGKILL"},
		{Name: "on", Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)}, Min: effect.Bound(1),
			Doc: `the hosts on which programs run, as hosts.run has it: names, groups, labels; {env} and {region} stand for what a call names; this machine if left out`},
		{Name: "ssh", Type: effect.Object, Doc: "the way to the hosts: the keys of the backend ssh; the entry of hosts serves as it is (ssh: *hosts)",
			Fields: append([]effect.Field{
				{Name: "backend", Type: effect.Enum, Enum: []string{"ssh"}, Doc: "ssh, as in an entry of hosts"},
				{Name: "dir", Type: effect.String, Path: effect.IsPath, Doc: "not needed here"}}, remote.Fields()...)},
		{Name: "limit", Type: effect.Int, Min: effect.Bound(1), Max: effect.Bound(100), Doc: "on how many hosts at once; 10 if left out, 1 for one after another"},
	}, program.Fields()...)
}

func newSettings(config map[string]any) (*settings, error) {
	vars, err := program.NewSettings(config)
	if err != nil {
		return nil, err
	}
	for _, set := range []map[string]string{vars.Base, vars.Secrets} {
		for _, name := range slices.Sorted(maps.Keys(set)) {
			if strings.HasPrefix(name, prefix) {
				return nil, effect.Errorf(effect.CodeInvalid, "env: %s: variables that begin with %s are runbook's own", name, prefix)
			}
		}
	}
	s := &settings{vars: vars, programs: map[string]string{}}
	s.environment, _ = config["environment"].(string)
	s.region, _ = config["region"].(string)
	grace, _ := config["grace"].(float64)
	s.grace = effect.Seconds(grace)
	if dir, ok := config["dir"].(string); ok {
		if s.dir, err = filepath.Abs(dir); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "dir: %q cannot be made absolute: %v", dir, err)
		}
	}
	if err := s.takeHosts(config); err != nil {
		return nil, err
	}
	all, _ := config["program"].(string)
	each := program.StringMap(config["programs"])
	words := []string{jobStatus}
	for _, op := range carried() {
		words = append(words, op.Name)
	}
	for _, word := range words {
		name := each[word]
		if name == "" {
			name = all
		}
		if strings.Contains(name, "/") {
			if name, err = filepath.Abs(name); err != nil {
				return nil, effect.Errorf(effect.CodeInvalid, "program: %v", err)
			}
		}
		if name != "" {
			s.programs[word] = name
		}
	}
	if s.programs["status"] == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "no program is named for deploy.status, by which all others are read back").
			WithHint("write program: ./deploy.sh, or programs: { status: ./status.sh, … }")
	}
	return s, nil
}

// takeHosts reads where programs run. Of runbook's own environment, what says who
// and where a program is means nothing there.
func (s *settings) takeHosts(config map[string]any) error {
	s.on = program.StringList(config["on"])
	way, _ := config["ssh"].(map[string]any)
	limit, limited := config["limit"].(float64)
	s.limit = int(limit)
	switch {
	case len(s.on) == 0 && (way != nil || limited):
		return effect.Errorf(effect.CodeInvalid, "ssh and limit say how programs run on hosts, and on names none").WithHint("write on: [web], or leave them out")
	case len(s.on) == 0:
		return nil
	case way == nil:
		return effect.Errorf(effect.CodeInvalid, "on names hosts, and ssh does not say how to reach them").
			WithHint("write ssh: { inventory: hosts.ini }, or ssh: *hosts if the entry of hosts begins with &hosts")
	}
	var err error
	if s.hosts, err = remote.Open(way); err != nil {
		return err
	}
	s.vars.Base = program.Inherited(program.StringList(config["pass"]))
	maps.Copy(s.vars.Base, program.StringMap(config["env"]))
	if path, ok := config["path"].(string); ok {
		s.vars.Base["PATH"] = path
	}
	if e := remote.CheckEnv("env", s.vars.Base); e != nil {
		return e
	}
	if e := remote.CheckEnv("secrets", s.vars.Secrets); e != nil {
		return e
	}
	return nil
}

// find returns the path of an op's program.
func (s *settings) find(op string) (string, *effect.Error) {
	name := s.programs[op]
	if name == "" {
		return "", effect.Errorf(effect.CodeUnsupported, "the configuration names no program for deploy.%s; nothing ran", op).
			WithHint("add it to the module's entry in the configuration: programs: { %s: ./%s.sh }", op, op)
	}
	if s.hosts != nil { // it is looked for there
		return name, nil
	}
	path, err := program.LookPath(name, s.vars.Base["PATH"], "/")
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "", effect.Errorf(effect.CodeRefused, "%s, the program of deploy.%s, is not executable; nothing ran", name, op).WithHint("run chmod +x on it")
	case err != nil && strings.Contains(name, "/"):
		return "", effect.Errorf(effect.CodeNotFound, "there is no program %s, which the configuration names for deploy.%s; nothing ran", name, op).
			WithHint("a relative path counts from the configuration's file")
	case err != nil:
		return "", effect.Errorf(effect.CodeNotFound, "there is no program %s for deploy.%s in PATH, which is %q; nothing ran", name, op, s.vars.Base["PATH"]).
			WithHint("give its path, or set `path` in the configuration of deploy")
	}
	if open := program.Replaceable(path); open != "" {
		return "", effect.Errorf(effect.CodeRefused, "%s may not run here, because everybody can write to %s and put something else in its place; nothing ran", path, open).
			WithHint("run chmod o-w %s", open)
	}
	return path, nil
}
