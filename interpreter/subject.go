package interpreter

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Subject is what people agree to when they answer what a run asks. Digests are
// SHA-256 in hex.
type Subject struct {
	Script string // of the script's text
	Plan   string // of the plan that the run is held to; empty without one
	All    string // of both, of the files that the script requires, and of the parameters
}

// SubjectOf returns that of a run.
func SubjectOf(run journal.Run, sources []journal.Source) Subject {
	var s Subject
	var required []string
	for _, source := range sources {
		switch source.Name {
		case run.Script:
			s.Script = source.Hash
		case PlanSource:
			s.Plan = source.Hash
		case EmergencySource, EnvironmentSource: // people are asked again if that is replaced
		default:
			required = append(required, fmt.Sprintf("%q %s", source.Name, source.Hash))
		}
	}
	slices.Sort(required)
	all := sha256.Sum256([]byte(s.Script + "\n" + s.Plan + "\n" + string(run.Params) + "\n" + strings.Join(required, "\n")))
	s.All = hex.EncodeToString(all[:])
	return s
}

// is refuses somebody's word who has looked at something else: digest is the
// beginning of one that they were shown; "" says nothing.
func (s Subject) is(digest string) error {
	for _, of := range []string{s.Script, s.Plan, s.All} {
		if of != "" && strings.HasPrefix(of, strings.ToLower(digest)) {
			return nil
		}
	}
	return &SubjectError{s, digest}
}

// SubjectError refuses the word of somebody who has looked at something else than
// what the run is about now.
type SubjectError struct {
	Now    Subject
	Digest string // of what they have looked at
}

// Error says both.
func (e *SubjectError) Error() string {
	return fmt.Sprintf("it is another script, or another plan, than the one with the digest %s: script %s, plan %s, all %s",
		e.Digest, e.Now.Script, orNone(e.Now.Plan), e.Now.All)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
