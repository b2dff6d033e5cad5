package redact

import (
	"errors"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Known is a set of secrets that grows as they are met. It is safe for
// concurrent use.
type Known struct {
	mu    sync.Mutex
	seen  map[string]bool // by value
	list  []effect.Secret
	scrub *Scrubber // of the list; nil when it has to be made anew
}

// NewKnown returns the set of the secrets.
func NewKnown(secrets ...effect.Secret) *Known {
	k := &Known{seen: map[string]bool{}}
	k.Learn(secrets...)
	return k
}

// Learn takes note of secrets.
func (k *Known) Learn(more ...effect.Secret) {
	if len(more) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, secret := range more {
		if value := secret.Reveal(); !k.seen[value] {
			k.seen[value] = true
			k.list, k.scrub = append(k.list, secret), nil
		}
	}
}

// Scrubber knows everything that was learned so far. It is the same one until
// something new is.
func (k *Known) Scrubber() *Scrubber {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.scrub == nil {
		k.scrub = New(k.list...)
	}
	return k.scrub
}

// Error returns an error without the secrets. Of one that holds some, its text
// is left and the *effect.Error in its chain. It is nil for nil.
func (k *Known) Error(err error) error {
	if err == nil || effect.AsStop(err) != nil {
		return err
	}
	scrub := k.Scrubber()
	if e, ok := err.(*effect.Error); ok {
		return scrub.Error(e)
	}
	clean, changed := scrub.Replace(err.Error())
	if !changed {
		return err
	}
	c := &cleanError{text: clean}
	if errors.As(err, &c.inner) {
		c.inner = scrub.Error(c.inner)
	}
	return c
}

// cleanError is an error of which the secrets were taken out.
type cleanError struct {
	text  string
	inner *effect.Error // nil if there was none in the chain
}

func (e *cleanError) Error() string { return e.text }

func (e *cleanError) Unwrap() error {
	if e.inner == nil {
		return nil
	}
	return e.inner
}
