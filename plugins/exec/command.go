package exec

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
)

// command is one program to run, and what its caller wants of it.
type command struct {
	program.Program
	ok    []int
	class effect.Class
	json  bool
	show  string // what is shown of its output, as the contract has it
}

func newCommand(s *settings, req plugins.Request) (*command, error) {
	args := req.Args
	c := &command{Program: program.Program{Dir: s.dir, Grace: s.grace}, class: effect.Irreversible}
	if class, ok := args["class"].(string); ok {
		c.class = effect.Class(class)
	}
	if dir, ok := args["dir"].(string); ok {
		c.Dir = program.Within(s.dir, dir)
	}
	if timeout, ok := args["timeout"].(float64); ok {
		c.Timeout = effect.Seconds(timeout)
	}
	c.Stdin, _ = args["stdin"].(string)
	c.json, _ = args["json"].(bool)
	c.show, _ = args["output"].(string)
	c.ok = []int{0}
	if codes, ok := args["ok"].([]any); ok {
		c.ok = nil
		for _, v := range codes {
			code, _ := v.(float64)
			c.ok = append(c.ok, int(code))
		}
	}
	if err := c.readEnv(s, req); err != nil { // first: what follows shows arguments, scrubbed
		return nil, err
	}
	if err := c.readArgv(args); err != nil {
		return nil, err
	}
	if err := program.CheckDir(c.Dir); err != nil {
		return nil, err
	}
	if err := c.find(s, c.Vars["PATH"]); err != nil {
		return nil, err
	}
	return c, s.allow.checkLaunch(&c.Program)
}

// readArgv reads the program's arguments in either form.
func (c *command) readArgv(args map[string]any) error {
	if line, ok := args["shell"].(string); ok {
		c.Argv = []string{"/bin/sh", "-c", line}
	}
	list, _ := args["argv"].([]any)
	for _, v := range list {
		arg, ok := v.(string)
		if !ok {
			return effect.Errorf(effect.CodeInvalid, "argv holds something that is no string")
		}
		c.Argv = append(c.Argv, arg)
	}
	switch {
	case len(c.Argv) == 0 || c.Argv[0] == "":
		return effect.Errorf(effect.CodeInvalid, "argv names no program").
			WithHint(`write exec.run { argv = { "./deploy.sh", "--env=green" } }`)
	case strings.ContainsRune(strings.Join(c.Argv, "")+c.Dir, 0):
		return effect.Errorf(effect.CodeInvalid, "%s: a NUL byte stands in argv, shell or dir, which no program can be given", c)
	}
	return nil
}

// readEnv puts the environment together; what the call says goes before what
// the configuration says.
func (c *command) readEnv(s *settings, req plugins.Request) error {
	set, secrets, pass := program.StringMap(req.Args["env"]), program.StringMap(req.Args["secrets"]), program.StringList(req.Args["pass"])
	if err := errors.Join(program.CheckEnv("env", set), program.CheckEnv("secrets", secrets), program.CheckPass(pass)); err != nil {
		return effect.AsError(err)
	}
	if name, missing := unset(pass); missing {
		return effect.Errorf(effect.CodeNotFound, "pass: the variable %s is not set where runbook was started; nothing ran", name).
			WithHint("set it and resume the run, or name it under pass in the configuration of exec, where it passes only if it is set")
	}
	through := program.Inherited(pass)
	for i, vars := range []map[string]string{set, secrets, through} {
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			if err := s.allow.checkVariable(name, i < 2); err != nil {
				return err
			}
		}
	}
	hidden := maps.Clone(s.vars.Secrets)
	c.Vars = maps.Clone(s.vars.Base)
	maps.Copy(c.Vars, through)
	maps.Copy(c.Vars, s.vars.Secrets)
	for name, value := range set {
		if _, twice := secrets[name]; twice {
			return effect.Errorf(effect.CodeInvalid, "env and secrets both set %s", name)
		}
		delete(hidden, name)
		c.Vars[name] = value
	}
	maps.Copy(hidden, secrets)
	maps.Copy(c.Vars, secrets)
	maps.Copy(c.Vars, program.Own(req.Key, req.Run, req.Attempt))
	var list []effect.Secret
	for _, name := range slices.Sorted(maps.Keys(hidden)) {
		list = append(list, effect.NewSecret(name, hidden[name]))
	}
	c.Scrub = redact.New(list...)
	return nil
}

// find looks the program up and checks that it may run.
func (c *command) find(s *settings, path string) error {
	found, err := program.LookPath(c.Argv[0], path, c.Dir)
	switch {
	case errors.Is(err, fs.ErrPermission) && isDir(program.Within(c.Dir, c.Argv[0])):
		return effect.Errorf(effect.CodeRefused, "%s is a directory and no program; nothing ran", program.Within(c.Dir, c.Argv[0])).
			WithHint("name the program in it; to run one there, add dir = %q", c.Argv[0])
	case errors.Is(err, fs.ErrPermission):
		return effect.Errorf(effect.CodeRefused, "%s is not executable; nothing ran", program.Within(c.Dir, c.Argv[0])).
			WithHint("chmod +x it, or run it by its interpreter: argv = { \"/bin/sh\", %q }", c.Argv[0])
	case err != nil && strings.Contains(c.Argv[0], "/"):
		return effect.Errorf(effect.CodeNotFound, "there is no program %s; nothing ran", program.Within(c.Dir, c.Argv[0])).
			WithHint("relative paths begin at %s; `dir` of the call or the configuration changes that", c.Dir)
	case err != nil:
		return effect.Errorf(effect.CodeNotFound, "there is no program %s in PATH, which is %q; nothing ran", c.Argv[0], path).
			WithHint("give its path, or set `path` in the configuration of exec")
	case !s.allow.allows(found):
		leads := ""
		if target, err := filepath.EvalSymlinks(found); err == nil && target != found {
			leads = ", which leads to " + target + ","
		}
		return effect.Errorf(effect.CodeRefused, "%s%s may not run here; nothing ran", found, leads).
			WithHint("the configuration of exec allows %s", strings.Join(s.allow.entries, ", "))
	}
	if c.Path = found; !s.allow.inForce() {
		return nil
	}
	// What was found to be allowed is what runs, wherever links on the way to it
	// lead by then.
	if c.Path, err = placeOf(found); err != nil {
		return effect.Errorf(effect.CodeRefused, "%s may not run here: %v; nothing ran", found, err)
	}
	if open := program.Replaceable(c.Path); open != "" {
		return effect.Errorf(effect.CodeRefused, "%s may not run here, because everybody can write to %s and put something else in its place; nothing ran", c.Path, open).
			WithHint("run chmod o-w %s; the configuration of exec limits programs by allow", open)
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
