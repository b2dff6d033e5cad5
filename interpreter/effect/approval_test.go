package effect_test

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestApprovalFault(t *testing.T) {
	names := func(names ...any) map[string]any { return map[string]any{"by": names} }
	counted := func(count float64, args map[string]any) map[string]any { args["count"] = count; return args }
	for _, c := range []struct {
		args map[string]any
		want string
	}{
		{map[string]any{"title": "go on?"}, ""},
		{counted(3, map[string]any{}), ""},
		{names("ana"), ""},
		{counted(2, names("ana", "bob")), ""},
		{names(), "by names nobody"},
		{map[string]any{"by": map[string]any{}}, "by names nobody"},
		{names("ana", ""), "by holds an empty name"},
		{names("ana", "bob", "ana"), `by names "ana" twice`},
		{names("ana", "Ana"), `by names "ana" and "Ana", which would be one person's word twice`},
		{names("ana", "ａｎａ"), `by names "ana" and "ａｎａ", which would be one person's word twice`},
		{names("ana", "bob "), `by names "bob ", which has blanks around it`},
		{names("ana", " \t"), `by names " \t", which is blank`},
		{names("ana", "an\u200ba"), `by names "an\u200ba", which holds something that does not show`},
		{counted(3, names("ana", "bob")), ""}, // they may be roles
	} {
		if got := effect.ApprovalFault(c.args); got != c.want {
			t.Errorf("%v: %q, want %q", c.args, got, c.want)
		}
	}
}
