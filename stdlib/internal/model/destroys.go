package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// Destroys returns the invariant that what a call of a module destroys for good
// was kept elsewhere before, or that people agreed to it. line is what a call
// says; of other modules, only whether it made a copy is asked.
func Destroys(module string, line func(args map[string]any) string) effect.Invariant {
	return effect.Invariant{Name: "what is destroyed for good was kept before, or people agreed to it", After: func(v *effect.View, e effect.Occurrence) string {
		if e.Module != module || !e.Wrote() {
			return ""
		}
		said := line(e.Args)
		what := Destroyed(said)
		if what == "" || waiting.MatchString(said) { // see Emptied
			return ""
		}
		past := v.Past()
		p := pairs{module, line}
		for _, before := range past {
			if before.Err == nil && (agreed(before) || excuses(before, what) || before.Place != e.Place && before.Wrote() && (p.opposite(before, e) || before.Module == module && madeToGo(line(before.Args), said))) {
				return "" // what the run has made itself is its own to remove, too
			}
		}
		return fmt.Sprintf("%s destroys for good (%q in %q), and there is no way back: nobody was asked before, and no copy was made; make a backup, or approve first", e, what, said)
	}}
}

// agreed reports whether people said yes to something.
func agreed(e effect.Occurrence) bool {
	return e.Module == effect.ControlModule && effect.Asks(e.Module+"."+e.Name)
}

// Command returns the line that a call runs.
func Command(args map[string]any) string {
	if shell, ok := args["shell"].(string); ok {
		return shell
	}
	list, _ := args["argv"].([]any)
	words := make([]string, len(list))
	for i, word := range list {
		words[i], _ = word.(string)
	}
	return strings.Join(words, " ")
}

// destroyers match what commands of wide use destroy data or whole systems by.
// That something is started again, or made anew by whoever looks after it, is
// none of them.
var destroyers = []*lazyregexp.Regexp{
	lazyregexp.New(`(?i)\bdrop\s+(database|schema|table|keyspace|collection|tablespace|bucket)\b|\btruncate\s+(table\s+)?(only\s+)?[\w".]+\s*($|[;,'"]|cascade\b|restart\b)`),
	lazyregexp.New(`(?i)\bkubectl\s.*\bdelete\s+(-\S+\s+\S+\s+)*(ns|namespaces?|pvc?|persistentvolume(claim)?s?|crds?|customresourcedefinitions?|statefulsets?|sts|deployments?|deploy|daemonsets?)\b|\bkubectl\s.*\bdelete\s.*--all\b`),
	lazyregexp.New(`(?i)\b(terraform|tofu|terragrunt|pulumi|cdk|vagrant)\s(.*\s)?destroy\b|\bterraform\s.*\bapply\s.*-destroy\b`),
	lazyregexp.New(`(?i)\baws\s.*\b(delete-(table|db-\S+|bucket|cluster|stack|file-system|volume|snapshot|domain|hosted-zone|load-balancer)|terminate-instances|rb\b.*--force|rm\b.*--recursive)`),
	lazyregexp.New(`(?i)\b(gcloud|az|doctl|hcloud|oci)\s.*\b(delete|destroy)(\s|$)`),
	lazyregexp.New(`(?i)\b(mkfs(\.\w+)?|wipefs|shred|dropdb|lvremove|vgremove|zfs\s+destroy|zpool\s+destroy)\b|\bdd\b.*\bof=/dev/(sd|hd|vd|xvd|nvme|mmcblk|md|dm-|mapper/|disk/)`),
	lazyregexp.New(`(?i)\b(flushall|flushdb)\b|\bdropDatabase\b|\bkafka-topics\S*\s.*--delete\b|\brabbitmqctl\s+((force_)?reset|purge_queue|delete_(queue|vhost))\b|\brabbitmqadmin\s+(purge|delete)\s+queue\b|\betcdctl\s+del\b.*--prefix`),
	lazyregexp.New(`(?i)\b(delete|destroy|purge|erase|wipe)\b.*\s--?(permanent(ly)?|irrevocabl[ey]|no-undo|skip-trash|hard)(\s|=|$)`),
}

// passing matches what is made to be taken away again.
var passing = lazyregexp.New(`(?i)(\b|_)(canary|preview|review|sandbox|te?mp|test|old)(\b|_)`)

// sweeping matches a search that removes all that it finds.
var sweeping = lazyregexp.New(`\bfind\s+\S*/.*\s(-delete\b|-exec\s+rm\b)`)

// deleting and condition match a statement that deletes all rows of a table.
var deleting, condition = lazyregexp.New(`(?i)\bdelete\s+from\s+\S+`), lazyregexp.New(`(?i)\b(where|limit)\b`)

// removing matches rm with what makes it go through directories without a word.
var removing = lazyregexp.New(`\brm((?:\s+-{1,2}[\w-]+)+)\s+([^;&|]+)`)

// scratch matches places of which nobody misses anything.
var scratch = lazyregexp.New(`(?i)(\b|_)(te?mp|cache|caches|build|dist|staging|releases?|scratch|lock|\.git|node_modules|work|old)(\b|_)|\$\(mktemp|\.(pid|lock|sock|tmp|log)\b`)

// Scratch reports whether a path is of a place of which nobody misses anything.
func Scratch(path string) bool { return scratch.MatchString(path) }

// Destroyed returns the words by which a command destroys; empty if it does not.
func Destroyed(line string) string {
	for _, d := range destroyers {
		if found := d.FindString(line); found != "" && !passing.MatchString(line) {
			return found
		}
	}
	if found := sweeping.FindString(line); found != "" && !scratch.MatchString(line) {
		return found
	}
	if found := deleting.FindString(line); found != "" && !condition.MatchString(line) {
		return found
	}
	for _, m := range removing.FindAllStringSubmatch(line, -1) {
		flags, paths := m[1], strings.Fields(m[2])
		deep := strings.ContainsAny(flags, "rR") && strings.Contains(flags, "f")
		if deep && slices.ContainsFunc(paths, func(p string) bool { return strings.Contains(p, "/") && !scratch.MatchString(p) }) {
			return strings.TrimSpace(m[0])
		}
	}
	return ""
}
