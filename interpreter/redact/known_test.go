package redact_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
)

// TestWriter writes a secret in pieces, of one that is known from the start and
// of one that is learned on the way.
func TestWriter(t *testing.T) {
	var got bytes.Buffer
	known := redact.NewKnown(effect.NewSecret("one", "hunter2222"))
	w := known.Writer(&got)
	write := func(text string) { _, _ = w.Write([]byte(text)) }
	write("it is hun")
	write("ter2222 and correct-horse\n")
	known.Learn(effect.NewSecret("two", "correct-horse"))
	write("now correct-")
	write("horse, and at the end hunter22")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "it is [secret one] and correct-horse\nnow [secret two], and at the end [secret one]"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// TestKnownError keeps what callers branch on in an error that held a secret.
func TestKnownError(t *testing.T) {
	known := redact.NewKnown(effect.NewSecret("p", "hunter2222"))
	plain := fmt.Errorf("nothing to hide: %w", errors.ErrUnsupported)
	if known.Error(nil) != nil || known.Error(plain) != plain {
		t.Error("an error without secrets changed")
	}
	err := known.Error(fmt.Errorf("configure with hunter2222: %w", effect.Errorf(effect.CodeRefused, "not hunter2222").WithHint("hunter2222?")))
	var e *effect.Error
	if !errors.As(err, &e) || e.Code != effect.CodeRefused || e.Message != "not [secret p]" || e.Hint != "[secret p]?" {
		t.Errorf("inside is %+v", e)
	}
	if got := err.Error(); got != "configure with [secret p]: not [secret p] (refused)" {
		t.Errorf("got %q", got)
	}
}
