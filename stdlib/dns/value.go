package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Canonical returns a value of a record set in the one form in which values
// are compared and returned: addresses as short as they can be, names in lower
// case without the dot at their end, texts in quotes. Names are whole: nothing
// is appended to them.
func Canonical(kind, value string) (string, error) {
	words := strings.Fields(value)
	switch kind {
	case "A", "AAAA":
		addr, err := netip.ParseAddr(strings.TrimSpace(value))
		if err != nil || addr.Zone() != "" || (kind == "A") != addr.Is4() {
			return "", fmt.Errorf("%q is no address of IPv%s", value, map[string]string{"A": "4", "AAAA": "6"}[kind])
		}
		return addr.String(), nil
	case "CNAME", "NS", "PTR":
		if len(words) != 1 {
			return "", fmt.Errorf("%q is no name", value)
		}
		return hostName(words[0])
	case "MX":
		return numbersAndName(value, words, 1, "10 mail.example.org")
	case "SRV":
		return numbersAndName(value, words, 3, "10 60 5060 sip.example.org")
	case "TXT":
		return texts(value)
	case "CAA":
		if len(words) < 3 {
			return "", fmt.Errorf(`%q is no CAA record: write 0 issue "ca.example.org"`, value)
		}
		flags, err := strconv.ParseUint(words[0], 10, 8)
		text, textErr := texts(strings.TrimSpace(value[strings.Index(value, words[1])+len(words[1]):]))
		if err != nil || textErr != nil || strings.Count(text, `" "`) > 0 {
			return "", fmt.Errorf(`%q is no CAA record: write 0 issue "ca.example.org"`, value)
		}
		return fmt.Sprintf("%d %s %s", flags, strings.ToLower(words[1]), text), nil
	}
	return "", fmt.Errorf("values of the type %s are not known", kind)
}

// CanonicalSet returns the values of a set, sorted, each once.
func CanonicalSet(kind string, values []string) ([]string, error) {
	set := make([]string, 0, len(values))
	for _, v := range values {
		c, err := Canonical(kind, v)
		if err != nil {
			return nil, err
		}
		set = append(set, c)
	}
	slices.Sort(set)
	set = slices.Compact(set)
	if kind == "CNAME" && len(set) > 1 {
		return nil, errors.New("a name has one CNAME at most")
	}
	return set, nil
}

// hostName returns a name in lower case, without the dot at its end.
func hostName(name string) (string, error) {
	short := host(name)
	if short == "" || len(short) > 253 {
		return "", fmt.Errorf("%q is no name", name)
	}
	for label := range strings.SplitSeq(short, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && r != '*' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
		}) {
			return "", fmt.Errorf("%q is no name", name)
		}
	}
	return short, nil
}

func numbersAndName(value string, words []string, n int, example string) (string, error) {
	if len(words) != n+1 {
		return "", fmt.Errorf("%q is not in the form of %q", value, example)
	}
	out := make([]string, 0, n+1)
	for _, w := range words[:n] {
		u, err := strconv.ParseUint(w, 10, 16)
		if err != nil {
			return "", fmt.Errorf("%q is not in the form of %q", value, example)
		}
		out = append(out, strconv.FormatUint(u, 10))
	}
	name, err := hostName(words[n])
	if words[n] == "." { // no such service, RFC 7505 and 2782
		name, err = ".", nil
	}
	if err != nil {
		return "", fmt.Errorf("%q is not in the form of %q", value, example)
	}
	return strings.Join(append(out, name), " "), nil
}

// texts reads character strings as in a zone file.
func texts(value string) (string, error) {
	var out []string
	rest := strings.TrimSpace(value)
	if !strings.HasPrefix(rest, `"`) {
		if rest == "" || strings.ContainsAny(rest, " \t\"") {
			return "", fmt.Errorf(`%q is several texts in a zone file: write it in quotes, as in '"v=spf1 -all"'`, value)
		}
		rest = `"` + rest + `"`
	}
	for rest != "" {
		text, after, err := oneText(rest)
		if err != nil {
			return "", fmt.Errorf("%q: %w", value, err)
		}
		out = append(out, Quoted(text))
		rest = strings.TrimLeft(after, " \t")
	}
	return strings.Join(out, " "), nil
}

// oneText reads a text in quotes at the beginning of s.
func oneText(s string) (text, rest string, err error) {
	if s[0] != '"' {
		return "", "", errors.New("a text is not in quotes")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if b.Len() > 255 {
				return "", "", errors.New(`a text has more than 255 bytes: cut it, as in '"first" "second"'`)
			}
			return b.String(), s[i+1:], nil
		case c == '\\' && i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			n, err := strconv.ParseUint(s[i+1:i+4], 10, 8)
			if err != nil {
				return "", "", errors.New(`after a \ stand three digits up to 255`)
			}
			b.WriteByte(byte(n))
			i += 3
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("a text has no end")
}

// Quoted returns a character string as zone files have it.
func Quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// validate checks the arguments that hold values of a set.
func validate(names ...string) func(map[string]any) error {
	return func(args map[string]any) error {
		if _, err := hostName(plain.Str(args, "name")); err != nil {
			return &effect.FieldError{Path: "name", Problem: err.Error()}
		}
		for _, name := range names {
			if _, err := CanonicalSet(plain.Str(args, "type"), plain.List(args[name])); err != nil {
				return &effect.FieldError{Path: name, Problem: err.Error()}
			}
		}
		return nil
	}
}

// lenient is CanonicalSet that keeps what cannot be read.
func lenient(kind string, values any) []string {
	list := plain.List(values)
	set, err := CanonicalSet(kind, list)
	if err != nil {
		return plain.Sorted(list)
	}
	return set
}
