package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// icsLine is one content line of an iCalendar file (RFC 5545, 3.1).
type icsLine struct {
	line   int    // where it begins in the file
	name   string // in capitals
	params map[string]string
	value  string
}

// errorf says what is wrong with the line, and where it stands.
func (l icsLine) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %s: %w", l.line, l.name, fmt.Errorf(format, args...))
}

// icsLines reads the content lines of a file, which may be folded: also within a
// character, for whoever counts octets.
func icsLines(text string) ([]icsLine, error) {
	var list []icsLine
	var raw []string
	var at []int
	for i, row := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		row = strings.TrimSuffix(row, "\r")
		switch {
		case strings.TrimSpace(row) == "":
		case (row[0] == ' ' || row[0] == '\t') && len(raw) > 0:
			raw[len(raw)-1] += row[1:]
		default:
			raw, at = append(raw, row), append(at, i+1)
		}
	}
	for i, row := range raw {
		if !utf8.ValidString(row) {
			return nil, fmt.Errorf("line %d: it is not in UTF-8", at[i])
		}
		l, err := icsLineOf(row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", at[i], err)
		}
		l.line = at[i]
		list = append(list, l)
	}
	return list, nil
}

// icsLineOf takes a line apart: NAME;PARAM=VALUE;PARAM="VALUE":VALUE.
func icsLineOf(row string) (icsLine, error) {
	l := icsLine{params: map[string]string{}}
	var parts []string
	quoted, from := false, 0
	for i, c := range row {
		if c == '"' {
			quoted = !quoted
		}
		if quoted || c != ';' && c != ':' {
			continue
		}
		parts, from = append(parts, row[from:i]), i+1
		if c == ':' {
			l.value = row[from:]
			break
		}
	}
	if len(parts) == 0 || from == 0 || row[from-1] != ':' {
		return l, fmt.Errorf("%q is no line of a calendar, which has the form NAME:VALUE", row)
	}
	l.name = strings.ToUpper(parts[0])
	for _, p := range parts[1:] {
		key, value, ok := strings.Cut(p, "=")
		if !ok {
			return l, fmt.Errorf("%s: %q is no parameter, which has the form NAME=VALUE", l.name, p)
		}
		l.params[strings.ToUpper(key)] = strings.Trim(value, `"`)
	}
	return l, nil
}

// icsText reads a value of the type TEXT.
func icsText(value string) string {
	return strings.TrimSpace(strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, " ", `\N`, " ").Replace(value))
}
