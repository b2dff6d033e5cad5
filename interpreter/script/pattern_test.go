package script

import (
	"regexp"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// TestPatternsAgree holds translated patterns against the matcher that scripts
// use.
func TestPatternsAgree(t *testing.T) {
	patterns := []string{
		"", "^v%d+%.%d+%.%d+$", "a", "^a", "a$", "^$", "%d", "^[%w_-]+$", "^[^%s]+$", "[a-c]-x", "^a*b+c?d-e$", "%%", "%$", "a.c",
		"^(%a+)%-(%d+)$", "()x", "^[]x]+$", "[%]]", "^%u%l*$", "^%p+$", "%x%x", "^%A+$", "^[%D]+$", "^[a%-z]+$", "*a", "^*", "+", "(a)*",
		"a-$", "^[+-]?%d+$", "x^y", "x$y", "^%w+@%w+%.%w+$", "%c", "%s", "[%a%d]", "[^%a]", "a\\b", "^{1,2}$", "a|b", "^[&~^]+$", "[a-]",
	}
	subjects := []string{
		"", "a", "b", "v1.2.3", "v1.2", "xv1.2.3x", "abc", "aXc", "a_b-c", "a b", "aaabbbcde", "abe", "%", "$", "^", "web-12", "x", "]x]",
		"Hello", "!?.", "0f", "123", "a-z", "*a", "aa*", "a*", "+5", "-12", "x^y", "x$y", "me@example.com", "\t", "\x01", "a\\b", "{1,2}",
		"a|b", "&~^", "-", "a\nc", "Z9",
	}
	for _, p := range patterns {
		re, err := language.TranslatePattern(p)
		if err != nil {
			t.Errorf("%q: %v", p, err)
			continue
		}
		compiled := regexp.MustCompile(`\A(?:` + re + `)\z`)
		for _, s := range subjects {
			m := &matcher{src: s, pat: p, poll: func() {}, fail: func(problem string) { t.Errorf("%q: %s", p, problem) }}
			if want, got := m.search(0) >= 0, compiled.MatchString(s); got != want {
				t.Errorf("pattern %q (as %s) on %q: %v, Lua says %v", p, re, s, got, want)
			}
		}
	}
}

func TestPatternsRefused(t *testing.T) {
	for pattern, want := range map[string]string{
		"%b()":    "%b (balanced text) cannot be used here",
		"%f[%w]":  "%f (a frontier) cannot be used here",
		"(a)%1":   "%1 (what an earlier capture matched) cannot be used here",
		"abc%":    `it ends in "%"; write "%%" for the character`,
		"[abc":    `a "[" is not closed; write "%[" for the character`,
		"[%":      `it ends in "%"; write "%%" for the character`,
		"(a":      `a "(" is not closed; write "%(" for the character`,
		"a)":      `a ")" closes nothing; write "%)" for the character`,
		"[z-a]":   "",
		"[a%b()]": "%b (balanced text) cannot be used here",
	} {
		_, err := language.TranslatePattern(pattern)
		if err == nil || want != "" && err.Error() != want {
			t.Errorf("%q: got %v, want %q", pattern, err, want)
		}
	}
}

func TestPatternInField(t *testing.T) {
	re, err := language.TranslatePattern("^v%d+%.%d+%.%d+$")
	if err != nil {
		t.Fatal(err)
	}
	f := effect.Field{Name: "version", Type: effect.String, Pattern: re}
	if _, err := f.Check("v1.20.3"); err != nil {
		t.Error(err)
	}
	if _, err := f.Check("1.2.3"); err == nil {
		t.Error("1.2.3 passed")
	}
}

// FuzzPattern holds translation and matcher against each other.
func FuzzPattern(f *testing.F) {
	f.Add("^v%d+$", "v1")
	f.Add("[%w-]*", "a-b")
	f.Fuzz(func(t *testing.T, pattern, subject string) {
		for i := 0; i < len(pattern)+len(subject); i++ {
			if (pattern + subject)[i] >= 0x80 {
				return // one speaks of bytes, the other of characters
			}
		}
		if len(pattern) > 30 || len(subject) > 60 {
			return
		}
		re, err := language.TranslatePattern(pattern)
		if err != nil {
			return
		}
		defer func() {
			if p := recover(); p != nil {
				if _, ok := p.(string); !ok {
					panic(p)
				}
			}
		}()
		steps := 0
		m := &matcher{src: subject, pat: pattern, fail: func(problem string) { panic(problem) },
			poll: func() {
				if steps++; steps > 1000 {
					panic("too long")
				}
			}}
		want := m.search(0) >= 0
		if got := regexp.MustCompile(`\A(?:` + re + `)\z`).MatchString(subject); got != want {
			t.Errorf("pattern %q (as %s) on %q: %v, Lua says %v", pattern, re, subject, got, want)
		}
	})
}
