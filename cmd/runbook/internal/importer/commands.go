package importer

import (
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// commandsOf splits a block into comments and commands: a command goes on where a
// line ends in a backslash or an operator, a quotation or a here document is open,
// or a compound command is. In a transcript only what stands behind a prompt is a
// command, and what it goes on with.
func commandsOf(body string, transcript bool) []string {
	var list []string
	var open, read []string // the lines of a command, and those of them that are no here document
	until := ""             // of a here document
	for _, line := range strings.Split(dedent(body), "\n") {
		if transcript && until == "" && len(open) == 0 {
			mark := prompt.FindString(line)
			if mark == "" {
				continue
			}
			line = line[len(mark):]
		}
		if until == "" && len(open) == 0 && strings.TrimSpace(line) == "" {
			continue
		}
		open = append(open, strings.TrimRight(line, " \t"))
		if until == "" {
			read = append(read, open[len(open)-1])
		}
		if until != "" {
			if strings.TrimSpace(line) != until {
				continue
			}
			until = ""
		} else if m := hereDocument.FindStringSubmatch(line); m != nil {
			until = m[1]
			continue
		}
		if !strings.HasPrefix(strings.TrimSpace(open[0]), "#") && goesOn(strings.Join(read, "\n")) {
			continue
		}
		list = append(list, strings.TrimSpace(strings.Join(open, "\n")))
		open, read = nil, nil
	}
	if len(open) > 0 {
		list = append(list, strings.TrimSpace(strings.Join(open, "\n")))
	}
	return list
}

var (
	hereDocument = lazyregexp.New(`(?:^|[^<])<<-?\s*['"]?([A-Za-z_]\w*)['"]?`)
	opening      = lazyregexp.New(`(?m)(?:^|[;&|]\s*|\bthen\s+|\bdo\s+)\s*(if|for|while|until|case)\b`)
	closing      = lazyregexp.New(`(?m)(?:^|[;\s])\s*(fi|done|esac)\b`)
	unfinished   = lazyregexp.New(`(\\|\||&&|\{|\()$`)
)

// goesOn reports whether a command is not whole yet.
func goesOn(text string) bool {
	return quoteAt(text) != 0 || unfinished.MatchString(text) || len(opening.FindAllString(text, -1)) > len(closing.FindAllString(text, -1)) ||
		strings.Count(text, "{\n") > strings.Count(text, "\n}")
}

// dedent takes the blanks away that all lines begin with.
func dedent(text string) string {
	lines := strings.Split(text, "\n")
	least := -1
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			if n := len(line) - len(strings.TrimLeft(line, " \t")); least < 0 || n < least {
				least = n
			}
		}
	}
	for i, line := range lines {
		if least > 0 && len(line) >= least {
			lines[i] = line[least:]
		}
	}
	return strings.Join(lines, "\n")
}
