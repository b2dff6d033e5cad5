package importer

import (
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

var (
	// <node>, <pod name>: a shell would read them as redirections. {{ node }} is that of templates.
	placeholder = lazyregexp.New(`<([A-Za-z][A-Za-z0-9_.:-]*(?: [A-Za-z0-9_.:-]+)*)>|\{\{\s*\.?([A-Za-z][A-Za-z0-9_.-]*)\s*\}\}`)
	// Programs that fill templates of Go themselves: kubectl -o go-template=…, docker inspect -f '{{.Id}}'.
	ownTemplates = lazyregexp.New(`template|--format\b|\s-f\s*['"]?\{\{|\{\{-?\s*(?:range|end|if|else|with|println|printf|json)\b`)
	notVariable  = lazyregexp.New(`[^A-Z0-9]+`)
)

// withVariables returns a command with a variable in place of each placeholder,
// which the parameter of that name fills.
func withVariables(command string) string {
	var b strings.Builder
	end, templates := 0, ownTemplates.MatchString(command)
	for _, m := range placeholder.FindAllStringSubmatchIndex(command, -1) {
		if m[0] > 0 && command[m[0]-1] == '<' { // a here document or string
			continue
		}
		if m[4] >= 0 && templates {
			continue
		}
		name := command[max(m[2], m[4]):max(m[3], m[5])]
		name = strings.Trim(notVariable.ReplaceAllString(strings.ToUpper(name), "_"), "_")
		if surroundings[name] { // <user> is not whoever runs the command
			name = "GIVEN_" + name
		}
		value := "${" + name + "}"
		if b.WriteString(command[end:m[0]]); singleQuoted(command[:m[0]]) {
			value = `'"` + value + `"'`
		}
		b.WriteString(value)
		end = m[1]
	}
	b.WriteString(command[end:])
	return b.String()
}

// singleQuoted reports whether a shell is within '…' at the end of a text.
func singleQuoted(text string) bool { return quoteAt(text) == '\'' }

// quoteAt is the quotation mark that is open at the end of a text, 0 if none is. What
// stands behind a # of its own is a comment.
func quoteAt(text string) byte {
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && c == '#' && (i == 0 || strings.IndexByte(" \t\n;", text[i-1]) >= 0):
			if end := strings.IndexByte(text[i:], '\n'); end >= 0 {
				i += end
			} else {
				return 0
			}
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return quote
}
