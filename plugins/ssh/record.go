package ssh

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// grace is how long a command may take to end after SIGTERM, before SIGKILL.
const grace = 2 * time.Second

// command is what is to run on a host.
type command struct {
	argv  []string
	vars  map[string]string
	dir   string
	about string // for people who look at the record
	// before is a script that runs before the attempt is begun; it may die.
	before string
	limit  time.Duration
}

// recordName is the name of an effect's directory: no key is a path.
func recordName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// place sets S, k and n: where the record is, and which attempt this is.
func (j *job) place(t *target) string {
	state := `"${XDG_STATE_HOME:-$HOME/.local/state}/runbook"`
	if t.state != "" {
		state = quote(t.state)
	}
	return fmt.Sprintf("S=%s\nk=%s\nn=%d\n", state, recordName(j.req.Key), max(j.req.Attempt, 1))
}

// script is a command as a host runs it.
func (c *command) script(j *job, t *target, writes bool) string {
	var b strings.Builder
	b.WriteString(prelude)
	seconds := max(1, int((c.limit+time.Second-1)/time.Second))
	fmt.Fprintf(&b, "limit=%d\ngrace=%d\npatience=%d\n", seconds, int(grace/time.Second), seconds)
	if c.dir != "" {
		fmt.Fprintf(&b, "cd %s 2>/dev/null || die not_found %s\n", quote(c.dir), quote("the directory "+c.dir+" cannot be entered"))
	}
	b.WriteString("exec 3<&0\nx=$(command -v setsid) || die unsupported \"it has no program setsid\"\n")
	if writes {
		b.WriteString(j.place(t) + records + claim)
	}
	// A function of its own, so that nothing of the environment is seen before.
	b.WriteString("launched() {\n")
	for _, name := range slices.Sorted(maps.Keys(c.vars)) {
		fmt.Fprintf(&b, "export %s=%s\n", name, quote(c.vars[name]))
	}
	words := make([]string, len(c.argv))
	for i, w := range c.argv {
		words[i] = quote(w)
	}
	fmt.Fprintf(&b, "exec \"$x\" /bin/sh -c '(trap \"\" PIPE; printf \"%%s begun %%s\\n\" \"$0\" \"$$\" >&8) 2>/dev/null; exec \"$@\" 8>&-' \"$m\" %s\n}\n", strings.Join(words, " "))
	if c.argv[0] != "/bin/sh" {
		fmt.Fprintf(&b, "(%scommand -v %s >/dev/null 2>&1) || die not_found %s\n", exportPath(c.vars), quote(c.argv[0]), quote("there is no program "+c.argv[0]))
	}
	b.WriteString(c.before)
	if writes {
		fmt.Fprintf(&b, "about=%s\n", quote(c.about))
		b.WriteString(launch)
	} else {
		b.WriteString(look)
	}
	return b.String()
}

// exportPath lets a program be looked for where the command will be.
func exportPath(vars map[string]string) string {
	if path, ok := vars["PATH"]; ok {
		return "export PATH=" + quote(path) + "; "
	}
	return ""
}

// past is a script that says what came of the attempts so far, and makes those
// void that have not begun.
func (j *job) past(t *target, patience time.Duration) string {
	return prelude + fmt.Sprintf("patience=%d\n", max(0, int(patience/time.Second))) + j.place(t) + records +
		"umask 077\nmkdir -p \"$K\" 2>/dev/null || die refused \"the directory $K for the record cannot be made\"\n" +
		"settle \"$n\"\ni=1; p=void\nwhile [ \"$i\" -le \"$n\" ]; do q=$(past \"$i\"); case $q in void) ;; *) p=$q;; esac; i=$((i + 1)); done\n" +
		"durable \"$K\" \"$S\"\nsay end \"$p\"\n"
}

// ending is how a command ended: "exit:3:12".
type ending struct {
	kind    string // "exit", "stopped", "void", "broken", "die"
	code    int
	seconds int
	why     string // of "die": the code and what is wrong
}

func parseEnding(text string) ending {
	if rest, ok := strings.CutPrefix(text, "die "); ok {
		return ending{kind: "die", why: rest}
	}
	parts := strings.Split(text, ":")
	e := ending{kind: parts[0]}
	if len(parts) > 1 {
		e.seconds, _ = strconv.Atoi(parts[len(parts)-1])
	}
	if len(parts) == 3 {
		e.code, _ = strconv.Atoi(parts[1])
	}
	return e
}
