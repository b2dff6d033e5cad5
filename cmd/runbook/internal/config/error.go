package config

import (
	"errors"
	"fmt"
	"sort"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Error says what is wrong in a file, where, and what to do about it. Several
// of them come joined, as by errors.Join.
type Error struct {
	Where   effect.Position // zero if the error is about no line
	Message string
	Hint    string
}

// Error returns "file:line: message; hint".
func (e *Error) Error() string {
	s := e.Message
	if w := e.Where.String(); w != "" {
		s = w + ": " + s
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func errorf(where effect.Position, hint, format string, args ...any) *Error {
	return &Error{Where: where, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// problems collects errors, so that all of them are said at once.
type problems struct {
	list []*Error
}

func (p *problems) add(where effect.Position, hint, format string, args ...any) {
	p.list = append(p.list, errorf(where, hint, format, args...))
}

// err returns the errors in the order of their lines, or nil.
func (p *problems) err() error {
	sort.SliceStable(p.list, func(i, j int) bool { return p.list[i].Where.Line < p.list[j].Where.Line })
	errs := make([]error, len(p.list))
	for i, e := range p.list {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// suggest returns a hint for an unknown word.
func suggest(word string, known []string) string {
	if hint := effect.DidYouMean(word, known); hint != "" {
		return hint
	}
	return "known: " + list(known)
}
