package app

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Commands that are printed are there to be copied, into whichever shell of this
// user and from whichever folder. They are written here and nowhere else: with
// the path of what is no default, quoted, and with this program's own if its
// name does not lead to it.

// OnRun writes a command about a run: "runbook resume 0198c2a4-5b0f". more
// follows the run's id.
func (a *App) OnRun(verb, run string, more ...string) string {
	return a.command(verb, append([]string{journal.Short(run)}, more...), a.journalFlags())
}

// OnRuns writes a command about the journal.
func (a *App) OnRuns(verb string, more ...string) string {
	return a.command(verb, more, a.journalFlags())
}

// OnScript writes a command that reads a script. path may be the name of a
// shipped runbook. configured says that the command needs the configuration of
// here as well.
func (a *App) OnScript(verb, path string, configured bool, more ...string) string {
	var flags []string
	if configured {
		flags = a.ConfigFlags()
	}
	return a.command(verb, append([]string{scriptPath(path)}, more...), flags)
}

// Starting writes a command that starts a run of a script.
func (a *App) Starting(path string, more ...string) string {
	return a.command("run", append([]string{scriptPath(path)}, more...), append(a.ConfigFlags(), a.journalFlags()...))
}

// PinAdvice says what to do about a plugin that is not the pinned one, in the
// configuration that the flags name.
func (a *App) PinAdvice(flags []string) view.Advice {
	return view.Tell("if it is what you want to run, put its sha256 into the configuration").
		With("see the sha256 of what is there with:", a.command("plugins verify", flags))
}

// In writes commands that are typed in a folder, one after another; each is a
// verb and what follows it.
func (a *App) In(dir string, commands ...[]string) string {
	line := "cd " + Quoted(Absolute(dir))
	for _, words := range commands {
		line += " && " + a.command(words[0], words[1:])
	}
	return line
}

// WrongParams is the error of a runbook's parameters that are not what it
// declares.
func (a *App) WrongParams(err error, path string) error {
	return Advised(Usage(err), view.Advice{}.With("the parameters:", a.OnScript("run", path, false, "--help")))
}

func (a *App) command(verb string, lists ...[]string) string {
	words := []string{Quoted(a.program)}
	if account := lentTo(); account != "" {
		words = []string{"sudo", "-u", Quoted(account), words[0]}
	}
	if verb != "" { // of one or two words
		words = append(words, verb)
	}
	for _, list := range lists {
		for _, w := range list {
			words = append(words, Quoted(w))
		}
	}
	return strings.Join(words, " ")
}

// journalFlags name the journal, unless a new shell finds it as well.
func (a *App) journalFlags() []string {
	path, err := a.dbPath()
	if err != nil {
		return nil
	}
	path = Absolute(path)
	if usual, err := usualDB(); err == nil && path == Absolute(usual) {
		return nil
	}
	return []string{"--db", path}
}

// ConfigFlags name the configuration and the environment.
func (a *App) ConfigFlags() []string {
	var flags []string
	if path, err := config.Find(a.Flags.Config, "."); err == nil && path != "" && Absolute(path) != config.Usual() {
		flags = append(flags, "--config", Absolute(path))
	}
	if a.Flags.Env != "" {
		flags = append(flags, "--env", a.Flags.Env)
	}
	return flags
}

// Absolute is a path as it is from any folder.
func Absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// Configured are the flags that name an environment.
func Configured(env *config.Environment) []string {
	var flags []string
	if file := env.File(); file != "" && Absolute(file) != config.Usual() {
		flags = append(flags, "--config", Absolute(file))
	}
	if env.Name != "" {
		flags = append(flags, "--env", env.Name)
	}
	return flags
}

// scriptPath is a script's path from any folder, or the name of a shipped one.
func scriptPath(path string) string {
	if _, err := os.Stat(path); err != nil {
		return path
	}
	return Absolute(path)
}

// programName is what this program is called by: its name, if a shell finds it
// by that.
func programName() string {
	self, err := os.Executable()
	if err != nil {
		return "runbook"
	}
	name := filepath.Base(self)
	if found, err := exec.LookPath(name); err == nil && sameFile(Absolute(found), self) {
		return name
	}
	if found, err := exec.LookPath("runbook"); err == nil && sameFile(Absolute(found), self) {
		return "runbook"
	}
	return self
}

// Quoted writes a word as a shell reads it. Of what does not print, as a shell's
// printf makes it: printed as it is, it would be escaped, and be another word.
func Quoted(word string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	switch {
	case word != "" && word[0] != '=' && !strings.ContainsFunc(word, func(r rune) bool { return !safe(r) }):
		return word
	case view.Line(word) == word:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for i := range len(word) {
		if c := word[i]; safe(rune(c)) && c != '%' || c == ' ' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return `"$(printf '` + b.String() + `')"`
}
