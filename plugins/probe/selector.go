package probe

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// matcher is one condition of a selector: code=~"5..".
type matcher struct {
	label string
	want  string
	re    *regexp.Regexp // for =~ and !~
	not   bool
}

// selector holds when all its matchers do. A label that a series lacks counts
// as empty, as in Prometheus.
type selector []matcher

// exactly returns the selector of series with these label values.
func exactly(labels map[string]any) selector {
	var s selector
	for name, v := range labels {
		want, _ := v.(string)
		s = append(s, matcher{label: name, want: want})
	}
	slices.SortFunc(s, func(a, b matcher) int { return strings.Compare(a.label, b.label) })
	return s
}

// parseSelector reads what stands between the braces of a Prometheus series
// selector; the braces may be there.
func parseSelector(text string) (selector, error) {
	rest := strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(rest, "{"); ok {
		inner, ok = strings.CutSuffix(inner, "}")
		if !ok {
			return nil, fmt.Errorf("%q lacks its closing brace", text)
		}
		rest = strings.TrimSpace(inner)
	}
	var s selector
	for {
		m, after, err := parseMatcher(rest)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		s = append(s, m)
		rest = strings.TrimSpace(after)
		if rest == "" {
			return s, nil
		}
		comma := false
		if rest, comma = strings.CutPrefix(rest, ","); !comma {
			return nil, fmt.Errorf("%q: wants a comma before %q", text, rest)
		}
		if rest = strings.TrimSpace(rest); rest == "" {
			return s, nil
		}
	}
}

func parseMatcher(text string) (m matcher, rest string, err error) {
	n := 0
	for n < len(text) && (text[n] == '_' || text[n] >= 'a' && text[n] <= 'z' || text[n] >= 'A' && text[n] <= 'Z' ||
		n > 0 && text[n] >= '0' && text[n] <= '9') {
		n++
	}
	if n == 0 {
		return m, "", fmt.Errorf("wants a label's name before %q", text)
	}
	m.label, rest = text[:n], strings.TrimSpace(text[n:])
	pattern := false
	switch {
	case strings.HasPrefix(rest, "=~"):
		pattern, rest = true, rest[2:]
	case strings.HasPrefix(rest, "!~"):
		pattern, m.not, rest = true, true, rest[2:]
	case strings.HasPrefix(rest, "!="):
		m.not, rest = true, rest[2:]
	case strings.HasPrefix(rest, "="):
		rest = rest[1:]
	default:
		return m, "", fmt.Errorf("wants =, !=, =~ or !~ after %s", m.label)
	}
	if m.want, rest, err = parseQuoted(strings.TrimSpace(rest)); err != nil {
		return m, "", fmt.Errorf("%w after %s", err, m.label)
	}
	if pattern {
		if m.re, err = regexp.Compile(`\A(?s:` + m.want + `)\z`); err != nil {
			return m, "", fmt.Errorf("the pattern of %s: %w", m.label, err)
		}
	}
	return m, rest, nil
}

// parseQuoted reads a string in double quotes, single quotes or backquotes.
func parseQuoted(text string) (value, rest string, err error) {
	if text == "" || !strings.ContainsRune("\"'`", rune(text[0])) {
		return "", "", errors.New("wants a value in quotes")
	}
	quote := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote != '`':
			i++
		case text[i] == quote:
			value, rest = text[1:i], text[i+1:]
			if quote == '`' {
				return value, rest, nil
			}
			var b strings.Builder
			for value != "" {
				r, _, tail, err := strconv.UnquoteChar(value, quote)
				if err != nil {
					return "", "", errors.New("wants a value with valid escapes")
				}
				b.WriteRune(r)
				value = tail
			}
			return b.String(), rest, nil
		}
	}
	return "", "", errors.New("wants a closing quote")
}

// match reports whether a series with these labels is selected.
func (s selector) match(label func(name string) string) bool {
	for _, m := range s {
		got := label(m.label)
		hit := got == m.want
		if m.re != nil {
			hit = m.re.MatchString(got)
		}
		if hit == m.not {
			return false
		}
	}
	return true
}
