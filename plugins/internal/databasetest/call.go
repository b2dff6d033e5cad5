// Package databasetest holds what the tests of the backends of the module db
// share: calls, migrations, and walks beside the module's model.
package databasetest

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/db"
)

type obj = map[string]any

// Request makes a request as the engine does.
func Request(t testing.TB, op, key string, args map[string]any) plugins.Request {
	t.Helper()
	return plugintest.Request(t, db.Module(), op, key, args)
}

var keys atomic.Int64

// Invoke carries an op out, under a key of its own.
func Invoke(t testing.TB, b plugins.Backend, op string, args map[string]any) (map[string]any, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), Request(t, op, fmt.Sprint("key-", keys.Add(1)), args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

// Must carries out an op that has to succeed.
func Must(t testing.TB, b plugins.Backend, op string, args map[string]any) map[string]any {
	t.Helper()
	v, err := Invoke(t, b, op, args)
	if err != nil {
		t.Fatalf("%s %v: %v", op, args, err)
	}
	return v
}

// Fails carries out an op that has to fail, with a code, a text, and a hint
// where there is something to do. The error is returned.
func Fails(t testing.TB, b plugins.Backend, op string, args map[string]any, code effect.Code, says string) *effect.Error {
	t.Helper()
	v, e := Invoke(t, b, op, args)
	if e == nil || e.Code != code || !strings.Contains(e.Message+" | "+e.Hint, says) {
		t.Errorf("%s %v: got %v, %v, want %s, %q", op, args, v, e, code, says)
	}
	if e != nil && e.Hint == "" && code != effect.CodeFailed && code != effect.CodeInvalid {
		t.Errorf("%s %v: %v says nothing of what to do", op, args, e)
	}
	return e
}

// Made reports whether there is a file of a name that fits a pattern.
func Made(pattern string) func() bool {
	return func() bool { got, _ := filepath.Glob(pattern); return len(got) > 0 }
}

// Numbered returns what gives the keys of rounds: the op and a number that no
// other has.
func Numbered() func(op string) (key string, n int) {
	n := 0
	return func(op string) (string, int) { n++; return fmt.Sprintf("%s-%d", op, n), n }
}
