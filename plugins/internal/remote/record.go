package remote

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Grace is how long a command may take to end after SIGTERM, before SIGKILL.
const Grace = 2 * time.Second

// Command is what is to run on a host.
type Command struct {
	Argv  []string
	Vars  map[string]string
	Dir   string // the home directory if empty
	About string // for people who look at the record
	// Before is a script that runs before the attempt is begun; it may die.
	Before string
	Limit  time.Duration
	Grace  time.Duration // between SIGTERM and SIGKILL; that of the constant if 0
	// Record is where a command that may change something leaves what came of
	// it; nil for one that changes nothing.
	Record *Record
	// Anew lets it run although an earlier attempt has come to its end; what came
	// of that is told otherwise.
	Anew bool
}

// Record names the record of one attempt at an effect.
type Record struct {
	Key     string // of the effect
	Attempt int    // 1 for the first
}

// RecordName is the name of an effect's directory: no key is a path.
func RecordName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// Place is the part of a script that sets S, k and n: where the record is, and
// which attempt this is.
func (r *Record) Place(t *Host) string {
	state := `"${XDG_STATE_HOME:-$HOME/.local/state}/runbook"`
	if t.state != "" {
		state = Quote(t.state)
	}
	return fmt.Sprintf("S=%s\nk=%s\nn=%d\n", state, RecordName(r.Key), max(r.Attempt, 1))
}

// Script is a command as a host runs it.
func (c *Command) Script(t *Host) string {
	var b strings.Builder
	b.WriteString(Prelude)
	anew := ""
	if c.Anew {
		anew = "1"
	}
	seconds := max(1, int((c.Limit+time.Second-1)/time.Second))
	grace := cmp.Or(c.Grace, Grace)
	fmt.Fprintf(&b, "limit=%d\ngrace=%d\npatience=%d\nanew=%s\n", seconds, int((grace+time.Second-1)/time.Second), seconds, anew)
	if c.Dir != "" {
		fmt.Fprintf(&b, "cd %s 2>/dev/null || die not_found %s\n", Quote(c.Dir), Quote("the directory "+c.Dir+" cannot be entered"))
	}
	b.WriteString("exec 3<&0\nx=$(command -v setsid) || die unsupported \"it has no program setsid\"\n")
	if c.Record != nil {
		b.WriteString(c.Record.Place(t) + records + claim)
	}
	// A function of its own, so that nothing of the environment is seen before.
	b.WriteString("launched() {\n")
	for _, name := range slices.Sorted(maps.Keys(c.Vars)) {
		fmt.Fprintf(&b, "export %s=%s\n", name, Quote(c.Vars[name]))
	}
	words := make([]string, len(c.Argv))
	for i, w := range c.Argv {
		words[i] = Quote(w)
	}
	fmt.Fprintf(&b, "exec \"$x\" /bin/sh -c '(trap \"\" PIPE; printf \"%%s begun %%s\\n\" \"$0\" \"$$\" >&8) 2>/dev/null; exec \"$@\" 8>&-' \"$m\" %s\n}\n", strings.Join(words, " "))
	if c.Argv[0] != "/bin/sh" {
		fmt.Fprintf(&b, "(%scommand -v %s >/dev/null 2>&1) || die not_found %s\n", exportPath(c.Vars), Quote(c.Argv[0]), Quote("there is no program "+c.Argv[0]))
	}
	b.WriteString(c.Before)
	if c.Record != nil {
		fmt.Fprintf(&b, "about=%s\n", Quote(c.About))
		b.WriteString(launch)
	} else {
		b.WriteString(look)
	}
	return b.String()
}

// exportPath lets a program be looked for where the command will be.
func exportPath(vars map[string]string) string {
	if path, ok := vars["PATH"]; ok {
		return "export PATH=" + Quote(path) + "; "
	}
	return ""
}

// Past is a script that says what came of the attempts so far, and makes those
// void that have not begun.
func (r *Record) Past(t *Host, patience time.Duration) string {
	return Prelude + fmt.Sprintf("patience=%d\nanew=\n", max(0, int(patience/time.Second))) + r.Place(t) + records +
		"umask 077\nmkdir -p \"$K\" 2>/dev/null || die refused \"the directory $K for the record cannot be made\"\n" +
		"settle \"$n\"\ni=1; p=void\nwhile [ \"$i\" -le \"$n\" ]; do q=$(past \"$i\"); case $q in void) ;; *) p=$q;; esac; i=$((i + 1)); done\n" +
		"durable \"$K\" \"$S\"\nsay end \"$p\"\n"
}

// Ending is how a command ended: "exit:3:12".
type Ending struct {
	Kind    string // "exit", "stopped", "void", "broken", "die"
	Code    int
	Seconds int
	Why     string // of "die": the code and what is wrong
}

func parseEnding(text string) Ending {
	if rest, ok := strings.CutPrefix(text, "die "); ok {
		return Ending{Kind: "die", Why: rest}
	}
	parts := strings.Split(text, ":")
	e := Ending{Kind: parts[0]}
	if len(parts) > 1 {
		e.Seconds, _ = strconv.Atoi(parts[len(parts)-1])
	}
	if len(parts) == 3 {
		e.Code, _ = strconv.Atoi(parts[1])
	}
	return e
}
