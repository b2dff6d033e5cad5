package main

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// TestEveryExpressionCompiles: nobody comes upon one that does not at its first use.
func TestEveryExpressionCompiles(t *testing.T) {
	if err := lazyregexp.Compile(); err != nil {
		t.Error(err)
	}
}
