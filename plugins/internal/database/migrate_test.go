package database

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestMigrationsEnd holds what is said of a command that ended well, badly, by a
// signal, or never began.
func TestMigrationsEnd(t *testing.T) {
	for _, c := range []struct {
		command []string
		code    effect.Code
		says    string
	}{
		{[]string{"true"}, "", ""},
		{[]string{"sh", "-c", "echo no such column; exit 3"}, effect.CodeFailed, "no such column"},
		{[]string{"sh", "-c", "kill -9 $$"}, effect.CodeUnknown, "did not come to its end (signal: killed)"},
		{[]string{"sh", "-c", "echo version 7; kill -9 $$"}, effect.CodeUnknown, "version 7"},
		{[]string{"/nowhere/migrate"}, effect.CodeUnavailable, "was not run"},
	} {
		m := &Migration{Command: c.command}
		e := m.Run(t.Context(), nil, "key", nil)
		if c.code == "" && e != nil || c.code != "" && (e == nil || e.Code != c.code || !strings.Contains(e.Message, c.says)) {
			t.Errorf("%v: %v, want %s, %q", c.command, e, c.code, c.says)
		}
	}
}
