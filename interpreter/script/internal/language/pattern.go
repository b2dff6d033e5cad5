package language

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// luaClasses gives each Lua class as the inside of an RE2 bracket expression,
// and its complement.
func luaClasses() map[byte][2]string {
	return map[byte][2]string{
		'a': {`A-Za-z`, `[:^alpha:]`},
		'c': {`[:cntrl:]`, `[:^cntrl:]`},
		'd': {`0-9`, `[:^digit:]`},
		'l': {`a-z`, `[:^lower:]`},
		'p': {`[:punct:]`, `[:^punct:]`},
		's': {`[:space:]`, `[:^space:]`},
		'u': {`A-Z`, `[:^upper:]`},
		'w': {`0-9A-Za-z`, `[:^alnum:]`},
		'x': {`0-9A-Fa-f`, `[:^xdigit:]`},
		'z': {`\x00`, `\x01-\x{10FFFF}`},
	}
}

// TranslatePattern turns a Lua pattern into an RE2 expression that matches a
// whole string exactly when the pattern is found in it: what is not anchored
// matches anywhere. Text is taken as characters, not as bytes. Balances,
// frontiers and back-references have no counterpart and are errors.
func TranslatePattern(pattern string) (string, error) {
	t := &patternTranslator{in: pattern}
	if strings.HasPrefix(pattern, "^") {
		t.at++
	} else {
		t.out.WriteString(`(?s:.*)`)
	}
	anchored, err := t.sequence()
	if err != nil {
		return "", err
	}
	if !anchored {
		t.out.WriteString(`(?s:.*)`)
	}
	if _, err := regexp.Compile(t.out.String()); err != nil {
		return "", fmt.Errorf("%q cannot be used: %w", pattern, err)
	}
	return t.out.String(), nil
}

type patternTranslator struct {
	in   string
	at   int
	open int // captures begun and not closed
	out  strings.Builder
}

// sequence translates what is left and reports whether it ends in an anchor.
func (t *patternTranslator) sequence() (anchored bool, err error) {
	for t.at < len(t.in) {
		c := t.in[t.at]
		switch {
		case c == '$' && t.at == len(t.in)-1:
			anchored = true
			t.at++
		case c == '(':
			t.at++
			if strings.HasPrefix(t.in[t.at:], ")") { // a position, which matches nothing
				t.at++
				continue
			}
			t.open++
			t.out.WriteString("(?:")
		case c == ')':
			if t.open == 0 {
				return false, errors.New(`a ")" closes nothing; write "%)" for the character`)
			}
			t.at++
			t.open--
			t.out.WriteByte(')')
		default:
			if err := t.item(); err != nil {
				return false, err
			}
		}
	}
	if t.open > 0 {
		return false, errors.New(`a "(" is not closed; write "%(" for the character`)
	}
	return anchored, nil
}

// item translates one character class and the repetition after it. Only a
// class can be repeated in Lua, so a sign elsewhere is a plain character.
func (t *patternTranslator) item() error {
	class, err := t.class()
	if err != nil {
		return err
	}
	t.out.WriteString(class)
	if t.at == len(t.in) {
		return nil
	}
	switch t.in[t.at] {
	case '*', '+', '?':
		t.out.WriteByte(t.in[t.at])
	case '-':
		t.out.WriteString("*?")
	default:
		return nil
	}
	t.at++
	return nil
}

func (t *patternTranslator) class() (string, error) {
	c := t.in[t.at]
	switch c {
	case '.':
		t.at++
		return `(?s:.)`, nil
	case '[':
		return t.set()
	case '%':
		inside, err := t.escape()
		if err != nil {
			return "", err
		}
		if len(inside) == 1 || inside[0] == '\\' && len(inside) == 2 {
			return inside, nil
		}
		return "[" + inside + "]", nil
	}
	return t.literal(), nil
}

// literal takes one character, which may be of several bytes.
func (t *patternTranslator) literal() string {
	for i := range t.in[t.at:] {
		if i > 0 {
			s := t.in[t.at : t.at+i]
			t.at += i
			return regexp.QuoteMeta(s)
		}
	}
	s := t.in[t.at:]
	t.at = len(t.in)
	return regexp.QuoteMeta(s)
}

// escape takes "%" and what follows, and returns the inside of a bracket
// expression.
func (t *patternTranslator) escape() (string, error) {
	t.at++
	if t.at == len(t.in) {
		return "", errors.New(`it ends in "%"; write "%%" for the character`)
	}
	c := t.in[t.at]
	switch {
	case c == 'b':
		return "", errors.New(`%b (balanced text) cannot be used here`)
	case c == 'f':
		return "", errors.New(`%f (a frontier) cannot be used here`)
	case c >= '0' && c <= '9':
		return "", fmt.Errorf(`%%%c (what an earlier capture matched) cannot be used here`, c)
	}
	if pair, ok := luaClasses()[c|0x20]; ok && isLetter(c) {
		t.at++
		if c >= 'a' {
			return pair[0], nil
		}
		return pair[1], nil
	}
	return t.member(), nil
}

// member takes one character as it stands inside a bracket expression.
func (t *patternTranslator) member() string {
	s := t.literal()
	if strings.ContainsAny(s, "]^-&~") && len(s) == 1 {
		return `\` + s
	}
	return s
}

// set translates "[...]".
func (t *patternTranslator) set() (string, error) {
	var out strings.Builder
	out.WriteByte('[')
	t.at++
	if strings.HasPrefix(t.in[t.at:], "^") {
		out.WriteByte('^')
		t.at++
	}
	for first := true; ; first = false {
		if t.at == len(t.in) {
			return "", errors.New(`a "[" is not closed; write "%[" for the character`)
		}
		c := t.in[t.at]
		switch {
		case c == ']' && !first:
			t.at++
			return out.String() + "]", nil
		case c == '%':
			inside, err := t.escape()
			if err != nil {
				return "", err
			}
			out.WriteString(inside)
		default:
			out.WriteString(t.member())
			rest := t.in[t.at:]
			if len(rest) >= 2 && rest[0] == '-' && rest[1] != ']' {
				t.at++
				out.WriteString("-" + t.member())
			}
		}
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
