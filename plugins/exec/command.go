package exec

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins"
)

// command is one program to run, checked and found.
type command struct {
	path    string            // absolute
	argv    []string          // as the caller wrote it
	vars    map[string]string // its environment
	dir     string            // absolute
	stdin   string
	timeout time.Duration // 0 means none but the call's own
	grace   time.Duration
	ok      []int
	class   effect.Class
	json    bool
	show    string           // what is shown of its output, as the contract has it
	scrub   *redact.Scrubber // knows the secrets of this call
}

func newCommand(s *settings, req plugins.Request) (*command, error) {
	args := req.Args
	c := &command{dir: s.dir, grace: s.grace, class: effect.Irreversible}
	if class, ok := args["class"].(string); ok {
		c.class = effect.Class(class)
	}
	if dir, ok := args["dir"].(string); ok {
		c.dir = within(s.dir, dir)
	}
	if timeout, ok := args["timeout"].(float64); ok {
		c.timeout = effect.Seconds(timeout)
	}
	c.stdin, _ = args["stdin"].(string)
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
	if err := checkDir(c.dir); err != nil {
		return nil, err
	}
	if err := c.find(s, c.vars["PATH"]); err != nil {
		return nil, err
	}
	return c, s.allow.checkLaunch(c)
}

// readArgv reads the program's arguments in either form.
func (c *command) readArgv(args map[string]any) error {
	if line, ok := args["shell"].(string); ok {
		c.argv = []string{"/bin/sh", "-c", line}
	}
	list, _ := args["argv"].([]any)
	for _, v := range list {
		arg, ok := v.(string)
		if !ok {
			return effect.Errorf(effect.CodeInvalid, "argv holds something that is no string")
		}
		c.argv = append(c.argv, arg)
	}
	switch {
	case len(c.argv) == 0 || c.argv[0] == "":
		return effect.Errorf(effect.CodeInvalid, "argv names no program").
			WithHint(`write exec.run { argv = { "./deploy.sh", "--env=green" } }`)
	case strings.ContainsRune(strings.Join(c.argv, "")+c.dir, 0):
		return effect.Errorf(effect.CodeInvalid, "%s: a NUL byte stands in argv, shell or dir, which no program can be given", c)
	}
	return nil
}

// readEnv puts the environment together; what the call says goes before what
// the configuration says.
func (c *command) readEnv(s *settings, req plugins.Request) error {
	set, secrets, pass := stringMap(req.Args["env"]), stringMap(req.Args["secrets"]), stringList(req.Args["pass"])
	if err := errors.Join(checkEnv("env", set), checkEnv("secrets", secrets), checkPass(pass)); err != nil {
		return effect.AsError(err)
	}
	if name, missing := unset(pass); missing {
		return effect.Errorf(effect.CodeNotFound, "pass: the variable %s is not set where runbook was started; nothing ran", name).
			WithHint("set it and resume the run, or name it under pass in the configuration of exec, where it passes only if it is set")
	}
	through := inherited(pass)
	for i, vars := range []map[string]string{set, secrets, through} {
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			if err := s.allow.checkVariable(name, i < 2); err != nil {
				return err
			}
		}
	}
	hidden := maps.Clone(s.secrets)
	c.vars = maps.Clone(s.base)
	maps.Copy(c.vars, through)
	maps.Copy(c.vars, s.secrets)
	for name, value := range set {
		if _, twice := secrets[name]; twice {
			return effect.Errorf(effect.CodeInvalid, "env and secrets both set %s", name)
		}
		delete(hidden, name)
		c.vars[name] = value
	}
	maps.Copy(hidden, secrets)
	maps.Copy(c.vars, secrets)
	maps.Copy(c.vars, own(req))
	var list []effect.Secret
	for _, name := range slices.Sorted(maps.Keys(hidden)) {
		list = append(list, effect.NewSecret(name, hidden[name]))
	}
	c.scrub = redact.New(list...)
	return nil
}

// env returns the environment as a process takes it.
func (c *command) env() []string {
	env := make([]string, 0, len(c.vars))
	for _, name := range slices.Sorted(maps.Keys(c.vars)) {
		env = append(env, name+"="+c.vars[name])
	}
	return env
}

// find looks the program up and checks that it may run.
func (c *command) find(s *settings, path string) error {
	found, err := lookPath(c.argv[0], path, c.dir)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return effect.Errorf(effect.CodeRefused, "%s is not executable; nothing ran", within(c.dir, c.argv[0])).
			WithHint("chmod +x it, or run it by its interpreter: argv = { \"/bin/sh\", %q }", c.argv[0])
	case err != nil && strings.Contains(c.argv[0], "/"):
		return effect.Errorf(effect.CodeNotFound, "there is no program %s; nothing ran", within(c.dir, c.argv[0])).
			WithHint("relative paths begin at %s; `dir` of the call or the configuration changes that", c.dir)
	case err != nil:
		return effect.Errorf(effect.CodeNotFound, "there is no program %s in PATH, which is %q; nothing ran", c.argv[0], path).
			WithHint("give its path, or set `path` in the configuration of exec")
	case !s.allow.allows(found):
		leads := ""
		if target, err := filepath.EvalSymlinks(found); err == nil && target != found {
			leads = ", which leads to " + target + ","
		}
		return effect.Errorf(effect.CodeRefused, "%s%s may not run here; nothing ran", found, leads).
			WithHint("the configuration of exec allows %s", strings.Join(s.allow.entries, ", "))
	}
	if c.path = found; !s.allow.inForce() {
		return nil
	}
	// What was found to be allowed is what runs, wherever links on the way to it
	// lead by then.
	if c.path, err = placeOf(found); err != nil {
		return effect.Errorf(effect.CodeRefused, "%s may not run here: %v; nothing ran", found, err)
	}
	if open := replaceable(c.path); open != "" {
		return effect.Errorf(effect.CodeRefused, "%s may not run here, because everybody can write to %s and put something else in its place; nothing ran", c.path, open).
			WithHint("run chmod o-w %s; the configuration of exec limits programs by allow", open)
	}
	return nil
}

// String returns the command as one would type it, secrets replaced, and long
// ones cut.
func (c *command) String() string {
	const limit = 300
	words := make([]string, len(c.argv))
	for i, arg := range c.argv {
		words[i] = quote(arg)
	}
	text := strings.Join(words, " ")
	text = c.scrub.Text(text)
	text = strings.ToValidUTF8(text, "\uFFFD")
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit]) + "…"
	}
	return text
}

// quote leaves plain words as they are.
func quote(arg string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=+./:,@%", r)
	}
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool { return !plain(r) }) {
		return arg
	}
	if strings.ContainsFunc(arg, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(arg)
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
