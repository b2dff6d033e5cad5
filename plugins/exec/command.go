package exec

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// command is one program to run, checked and found.
type command struct {
	path    string   // absolute
	argv    []string // as the caller wrote it
	env     []string
	dir     string // absolute
	stdin   string
	timeout time.Duration // 0 means none but the call's own
	grace   time.Duration
	ok      []int
	class   effect.Class
	scrub   *scrubber // knows the secrets of this call
}

func newCommand(s *settings, args map[string]any) (*command, error) {
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
	c.ok = []int{0}
	if codes, ok := args["ok"].([]any); ok {
		c.ok = nil
		for _, v := range codes {
			code, _ := v.(float64)
			c.ok = append(c.ok, int(code))
		}
	}
	env, err := c.readEnv(s, args) // first: what follows shows arguments, scrubbed
	if err != nil {
		return nil, err
	}
	if err := c.readArgv(args); err != nil {
		return nil, err
	}
	if err := checkDir(c.dir); err != nil {
		return nil, err
	}
	if err := c.find(s, env["PATH"]); err != nil {
		return nil, err
	}
	return c, nil
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
func (c *command) readEnv(s *settings, args map[string]any) (map[string]string, error) {
	own, secrets := stringMap(args["env"]), stringMap(args["secrets"])
	if err := checkEnv("env", own); err != nil {
		return nil, err
	}
	if err := checkEnv("secrets", secrets); err != nil {
		return nil, err
	}
	env, hidden := maps.Clone(s.base), map[string]string{}
	for name, value := range s.secrets {
		hidden[name] = value
	}
	maps.Copy(env, s.secrets)
	for name, value := range own {
		if _, twice := secrets[name]; twice {
			return nil, effect.Errorf(effect.CodeInvalid, "env and secrets both set %s", name)
		}
		delete(hidden, name)
		env[name] = value
	}
	maps.Copy(hidden, secrets)
	maps.Copy(env, secrets)
	c.env = []string{} // never nil, which would mean the plugin's own environment
	for _, name := range slices.Sorted(maps.Keys(env)) {
		c.env = append(c.env, name+"="+env[name])
	}
	c.scrub = newScrubber(hidden)
	return env, nil
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
	case !s.allows(found):
		return effect.Errorf(effect.CodeRefused, "%s may not run here; nothing ran", found).
			WithHint("the configuration of exec allows %s", strings.Join(s.allow, ", "))
	}
	c.path = found
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
	if c.scrub != nil {
		text = c.scrub.text(text)
	}
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

// lookPath finds a program as execvp would, in the given PATH. The error is
// fs.ErrNotExist or fs.ErrPermission.
func lookPath(name, path, dir string) (string, error) {
	if strings.Contains(name, "/") {
		full := within(dir, name)
		return full, executable(full)
	}
	result := fs.ErrNotExist
	for _, place := range filepath.SplitList(path) {
		if place == "" {
			continue // an empty entry means the current directory: never by accident
		}
		full := filepath.Join(within(dir, place), name)
		err := executable(full)
		if err == nil {
			return full, nil
		}
		if errors.Is(err, fs.ErrPermission) {
			result = fs.ErrPermission
		}
	}
	return "", result
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fs.ErrPermission
	case err != nil:
		return fs.ErrNotExist
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fs.ErrPermission
	}
	return nil
}
