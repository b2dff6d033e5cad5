// Package lazyregexp holds regular expressions that are compiled when they are
// first used. Every command and every plugin is a start of the program, and few of
// them use any of the hundred expressions that its packages declare.
package lazyregexp

import (
	"errors"
	"regexp"
	"sync"
)

// Regexp is a regular expression of package regexp. Its methods are those of
// regexp.Regexp.
type Regexp struct {
	text    string
	compile func() *regexp.Regexp
}

// declared are all expressions, for the test that compiles them.
var declared []*Regexp

// New declares an expression. It is for variables of packages: one that does not
// compile panics when it is first used.
func New(text string) *Regexp {
	r := &Regexp{text, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
	declared = append(declared, r)
	return r
}

// Compile compiles all expressions that the program declares. It is for tests.
func Compile() error {
	var errs []error
	for _, r := range declared {
		if _, err := regexp.Compile(r.text); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (r *Regexp) String() string { return r.text }

func (r *Regexp) Match(b []byte) bool       { return r.compile().Match(b) }
func (r *Regexp) MatchString(s string) bool { return r.compile().MatchString(s) }

func (r *Regexp) FindIndex(b []byte) []int               { return r.compile().FindIndex(b) }
func (r *Regexp) FindSubmatch(b []byte) [][]byte         { return r.compile().FindSubmatch(b) }
func (r *Regexp) FindString(s string) string             { return r.compile().FindString(s) }
func (r *Regexp) FindStringIndex(s string) []int         { return r.compile().FindStringIndex(s) }
func (r *Regexp) FindStringSubmatch(s string) []string   { return r.compile().FindStringSubmatch(s) }
func (r *Regexp) FindAllString(s string, n int) []string { return r.compile().FindAllString(s, n) }

func (r *Regexp) FindAllSubmatch(b []byte, n int) [][][]byte {
	return r.compile().FindAllSubmatch(b, n)
}

func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.compile().FindAllStringSubmatch(s, n)
}

func (r *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return r.compile().FindAllStringSubmatchIndex(s, n)
}

func (r *Regexp) ReplaceAllString(s, with string) string {
	return r.compile().ReplaceAllString(s, with)
}

func (r *Regexp) Split(s string, n int) []string { return r.compile().Split(s, n) }
