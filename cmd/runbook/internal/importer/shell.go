package importer

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// languageOf is the language that a block names, without what some sites write
// behind it: bash{1,2}, {.sh}.
func languageOf(info string) string {
	name := strings.TrimLeft(strings.ToLower(info), "{.")
	if i := strings.IndexAny(name, "{}:,"); i >= 0 {
		name = name[:i]
	}
	return name
}

// shells are the languages of code blocks that a shell reads.
var shells = []string{"sh", "bash", "shell", "zsh", "console", "shell-session", "shellsession", "terminal"}

// programs are what operators type most. A block that names no language is shell if
// each command in it begins with one of them, or with a path.
var programs = strings.Fields(`ansible ansible-playbook apt apt-get aws az cat cd ceph chef-client chmod chown consul cp crictl curl df dig docker
	bundle chef-server-ctl crm dnf du echo etcdctl export find gcloud git gitlab-ctl gitlab-rake glab go grep gsutil head helm host ip iptables jq journalctl kill knife kubectl ls lsblk make mkdir mount mv nc
	nomad npm nslookup oc openssl openstack patronictl pg_basebackup pg_ctl pg_dump pg_restore ping podman ps psql python python3 rbd redis-cli rm rsync scp sed sysctl service sleep ssh ss sudo
	systemctl tail tar telnet terraform umount vault wget yum`)

// code takes a block of code in: shell line by line, a table of thresholds in any
// language, and what else there is as a comment.
func (im *importer) code(n ast.Node, language string) {
	body := im.raw(n)
	prompts := transcript(body, language)
	commands := commandsOf(body, prompts)
	switch {
	case slices.Contains(shells, language), language == "" && (prompts || typed(commands)):
		im.exported = nil
		for _, group := range together(apart(commands)) {
			if slices.ContainsFunc(group, terminal.MatchString) {
				text := strings.Join(group, "\n")
				im.add(false, comment(text)...)
				im.left(n, "a command that wants a terminal", text)
				continue
			}
			im.command(n, oneShell(group))
		}
		return
	case language == "":
		language = "no language"
	}
	im.add(false, comment(body)...)
	if slo, rest := thresholdsOf(body); len(slo) > 0 {
		im.slo(slo)
		if len(rest) == 0 {
			return
		}
	}
	im.left(n, "code in "+language, body)
}

var (
	export   = lazyregexp.New(`^(export\s+)?([A-Za-z_][A-Za-z0-9_]*)=("[^"$` + "`" + `]*"|'[^']*'|[^\s"'$` + "`" + `]*)$`)
	sleeping = lazyregexp.New(`^sleep\s+(\d+(?:\.\d+)?)([smhd]?)$`)
	variable = lazyregexp.New(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}|([A-Za-z_][A-Za-z0-9_]*))`)
	assigned = lazyregexp.New(`(?m)(?:^|[;&|(]|\b(?:for|read|local|export)\s)\s*([A-Za-z_][A-Za-z0-9_]*)(?:=|\s+in\b|$)`)
	reads    = lazyregexp.New(`\bread(?:[ \t]+-\w+)*((?:[ \t]+[A-Za-z_]\w*)+)`)
)

var (
	prompt = lazyregexp.New(`^\s*(?:\[[^\]\s]+[^\]]*\]\s?|[\w.-]+@[\w.-]+:[^$#]*)?([$#])\s+`)
	// terminal matches what goes on until a person ends it.
	terminal = lazyregexp.New(`^(?:sudo\s+)?(?:-?i?\s*)(?:(?:vi|vim|nano|emacs|less|more|top|htop|watch)\b|ssh\s+(?:-\S+\s+)*\S+$|kubectl\s.*\bedit\b|` +
		`oc\s.*\bedit\b|oc\s+(?:rsh|debug)\s+(?:-\S+\s+\S+\s+)*(?:\$\(.*\)|\S+)$|sudo\s+-i$|su(\s+-\S*)?(\s+\w+)?$|(?:kubectl|oc|docker)\s.*\b(?:exec|run)\b.*\s-(?:it|ti)\b|` +
		`(?:tail|journalctl|kubectl\s+logs|docker\s+logs)\b.*\s(?:-f|-F|--follow)\b)`)
)

// transcript reports whether a block shows commands behind prompts, with what they
// print. In a shell's own language # begins a comment.
func transcript(body, language string) bool {
	first := prompt.FindStringSubmatch(body)
	return first != nil && (first[1] == "$" || strings.TrimSpace(first[0]) != "#" ||
		slices.Contains([]string{"console", "shell-session", "shellsession", "terminal"}, language))
}

// typed reports whether commands are such as an operator types.
func typed(commands []string) bool {
	some := false
	for _, c := range commands {
		first, _, _ := strings.Cut(c, " ")
		if strings.HasPrefix(c, "#") || export.MatchString(c) {
			continue
		}
		if some = slices.Contains(programs, first) || strings.Contains(first, "/") && !strings.Contains(first, "://"); !some {
			return false
		}
	}
	return some
}

// command writes one command down, of a block.
func (im *importer) command(block ast.Node, text string) {
	text = withVariables(text)
	if strings.HasPrefix(text, "#") {
		note := strings.TrimSpace(strings.TrimLeft(text, "#"))
		im.add(false, comment(note)...)
		if slo, _ := thresholdsOf(note); len(slo) > 0 {
			im.slo(slo)
		}
		return
	}
	if m := sleeping.FindStringSubmatch(text); m != nil {
		seconds, err := strconv.ParseFloat(m[1], 64)
		if err == nil {
			im.sleep(effect.FormatDuration(effect.Seconds(seconds * inSeconds[m[2]])))
			return
		}
	}
	if m := export.FindStringSubmatch(text); m != nil {
		im.assign(m[2], strings.Trim(m[3], `"'`), m[1] != "")
		return
	}
	own := map[string]bool{}
	for _, m := range assigned.FindAllStringSubmatch(text, -1) {
		own[m[1]] = true
	}
	for _, m := range reads.FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Fields(m[1]) {
			own[name] = true
		}
	}
	used := map[string]bool{}
	for _, name := range im.exported {
		used[name] = true
	}
	for _, name := range variables(text) {
		if !own[name] && !surroundings[name] {
			used[name] = true
		}
	}
	env := ""
	if len(used) > 0 {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(used)) {
			if _, known := im.names[name]; !known {
				im.parameter(name, "")
				if im.filled[name] {
					im.add(false, comment(name+" is filled by a command above, whose shell is gone: hand on what that prints, as "+name+" = r.stdout of local r = exec.run { … }")...)
					im.left(block, "a variable that a command above fills", name)
				}
			}
			parts = append(parts, name+" = params."+im.names[name])
		}
		env = ", env = { " + strings.Join(parts, ", ") + " }"
	}
	how := "shell = " + quote(text)
	if bashOnly.MatchString(text) { // what exec.run calls a shell is /bin/sh
		how = "argv = { \"bash\", \"-c\", " + quote(text) + " }"
	}
	im.add(true, "exec.run { "+how+env+", class = "+quote(Unstated)+" }")
	for _, line := range strings.Split(text, "\n") {
		if m := set.FindStringSubmatch(line); m != nil {
			im.filled[m[1]] = true
		}
	}
	im.result.Commands++
}

// variables are those that a shell puts in place: not what stands in '…', which
// another program reads (awk '{ print $NF }'), unless that is a shell.
func variables(text string) []string {
	var names []string
	shells := innerShell.MatchString(text)
	for _, m := range variable.FindAllStringSubmatchIndex(text, -1) {
		if singleQuoted(text[:m[0]]) && !shells {
			continue
		}
		names = append(names, text[max(m[2], m[4]):max(m[3], m[5])])
	}
	return names
}

var (
	innerShell = lazyregexp.New(`\b(?:ba|z|da)?sh\s+(?:-\S+\s+)*-\S*c\b`)
	// set matches an assignment whose value only the shell knows; moves what changes the shell that it runs in.
	set   = lazyregexp.New(`^(?:export\s+|local\s+|readonly\s+)?([A-Za-z_][A-Za-z0-9_]*)=\S`)
	moves = lazyregexp.New(`^(?:cd|pushd|popd|source|\.|set|eval|umask|ulimit\s+-\w+\s+\S|alias|unset)\s+\S`)
)

// together groups the commands of a block that have to share a shell: what runs in a
// folder that was gone to, or uses a variable that a command has filled.
func together(commands []string) [][]string {
	var list [][]string
	for i := 0; i < len(commands); i++ {
		last := i
		for j := i; j <= last && j < len(commands); j++ {
			last = max(last, sharing(commands, j))
		}
		list = append(list, commands[i:last+1])
		i = last
	}
	return list
}

// bashOnly matches what a shell of POSIX does not read, or reads otherwise.
var bashOnly = lazyregexp.New(`<<<|(?:^|\s)\[\[\s|[<>]\(|\bpipefail\b|(?m:^\s*(?:declare|mapfile|readarray|shopt|function)\s)|&>|\|&|=\(|` +
	`(?m:^\s*\(\()|\bfor\s*\(\(|\{\d+\.\.\d+\}|\$\{\w+(?:\[|//?|\^|,|:\d)|\$\{!`)

// stopping matches what makes a shell end at the first command that fails.
var stopping = lazyregexp.New(`^set\s+-\w*e`)

// oneShell is a text for one shell. Commands of their own end a run where one fails;
// in a shell the next one would go on, in the folder that was not left, say.
func oneShell(group []string) string {
	text := strings.Join(group, "\n")
	if len(group) > 1 && !stopping.MatchString(text) {
		text = "set -e\n" + text
	}
	return text
}

// sharing returns the last command that depends on the shell of this one.
func sharing(commands []string, at int) int {
	last, text := at, commands[at]
	if strings.HasPrefix(text, "#") || strings.Contains(text, "\n") && !strings.HasPrefix(text, "export") && !set.MatchString(text) {
		return at
	}
	if moves.MatchString(text) {
		last = len(commands) - 1
		for last > at && strings.HasPrefix(commands[last], "#") {
			last--
		}
		return last
	}
	if m := set.FindStringSubmatch(text); m != nil && !export.MatchString(text) && !strings.Contains(placed.ReplaceAllString(text, ""), " ") {
		for j := at + 1; j < len(commands); j++ {
			if slices.Contains(variables(commands[j]), m[1]) {
				last = j
			}
		}
	}
	return last
}

// placed matches what an assignment may hold blanks in.
var placed = lazyregexp.New("(?s)^export\\s+|\\$\\(.*\\)|`[^`]*`|\"[^\"]*\"|'[^']*'")

// Unstated stands where the class of a command is left to the author; no check
// lets it pass.
const Unstated = "?"

// surroundings are variables that a shell has by itself.
var surroundings = map[string]bool{"HOME": true, "PATH": true, "USER": true, "PWD": true, "SHELL": true, "HOSTNAME": true, "RANDOM": true, "IFS": true}
