package program

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/redact"
)

// Program is one program to run, checked and found.
type Program struct {
	Path    string            // absolute
	Argv    []string          // as its caller wrote it
	Vars    map[string]string // all of its environment
	Dir     string            // absolute
	Stdin   string            // it has none if this is empty
	Timeout time.Duration     // 0 means none but the call's own
	Grace   time.Duration     // between SIGTERM and SIGKILL
	Scrub   *redact.Scrubber  // knows the secrets that it is given
}

// env returns the environment as a process takes it.
func (p *Program) env() []string {
	env := make([]string, 0, len(p.Vars))
	for _, name := range slices.Sorted(maps.Keys(p.Vars)) {
		env = append(env, name+"="+p.Vars[name])
	}
	return env
}

// String returns the command as one would type it, secrets replaced, and long
// ones cut.
func (p *Program) String() string {
	const limit = 300
	words := make([]string, len(p.Argv))
	for i, arg := range p.Argv {
		words[i] = quote(arg)
	}
	text := p.Scrub.Text(strings.Join(words, " "))
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
