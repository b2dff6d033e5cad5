package ssh

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestCopyAndRead(t *testing.T) {
	l := startLab(t, "a", "b")
	b := l.backend(t, nil)
	large := strings.Repeat("0123456789abcdef\x00.\n", 100_000)
	write(t, filepath.Join(l.Dir, "large"), large, 0o600)
	to := filepath.Join(l.Dir, "it's a file")
	copied := func(args obj) obj {
		args["on"], args["to"] = []any{"a"}, to
		return must(t, b, "copy", args)["a"].(obj)
	}
	if v := copied(obj{"from": "large"}); v["changed"] != true || read(t, to) != large || mode(t, to) != 0o644 {
		t.Errorf("%v, mode %o", v, mode(t, to))
	}
	if v := copied(obj{"from": "large"}); v["changed"] != false {
		t.Errorf("the same once more: %v", v)
	}
	if v := copied(obj{"from": "large", "mode": "0600"}); v["changed"] != true || mode(t, to) != 0o600 {
		t.Errorf("another mode: %v, mode %o", v, mode(t, to))
	}
	if v := copied(obj{"text": "small\n"}); v["changed"] != true || read(t, to) != "small\n" || mode(t, to) != 0o600 {
		t.Errorf("%v, mode %o", v, mode(t, to))
	}
	if v := copied(obj{"text": ""}); v["changed"] != true || read(t, to) != "" {
		t.Errorf("an empty file: %v", v)
	}
	link := filepath.Join(l.Dir, "link")
	if err := os.Symlink(to, link); err != nil {
		t.Fatal(err)
	}
	must(t, b, "copy", obj{"on": []any{"a"}, "text": "through\n", "to": link})
	if read(t, to) != "through\n" || readLink(t, link) != to {
		t.Error("a link was replaced")
	}
	for says, args := range map[string]obj{
		"not_found there is no directory /nowhere; nothing was changed there": {"text": "x", "to": "/nowhere/x"},
		"conflict is a directory":                              {"text": "x", "to": l.Dir},
		"conflict expected was":                                {"text": "x", "to": to, "expect": strings.Repeat("0", 64)},
		"not_found there is no file " + l.Dir + "/none here":   {"from": "none", "to": to},
		"refused its owner cannot be made no-such-user":        {"text": "x", "to": to, "owner": "no-such-user"},
		"conflict is no plain file; nothing was changed there": {"text": "x", "to": "/dev/null"},
	} {
		args["on"] = []any{"a"}
		_, e := invoke(t, b, "copy", args)
		code, text, _ := strings.Cut(says, " ")
		fails(t, e, effect.Code(code), text)
	}
	if left, _ := filepath.Glob(filepath.Join(l.Dir, ".runbook-*")); len(left) > 0 || read(t, to) != "through\n" {
		t.Errorf("left: %q", left)
	}

	hosts := must(t, b, "read", obj{"on": []any{"all"}, "path": to, "max": 4})
	a := hosts["a"].(obj)
	if a["text"] != "thro" || a["size"] != 8.0 || a["truncated"] != true || a["mode"] != "0600" || len(a["sha256"].(string)) != 64 {
		t.Errorf("%v", a)
	}
	_, e := invoke(t, b, "read", obj{"on": []any{"all"}, "path": "/none"})
	fails(t, e, effect.CodeNotFound, "a (", "b (", "no file is at /none")
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// TestCopyIsObserved holds what Observe says against what is there, the backend
// gone before and after the change.
func TestCopyIsObserved(t *testing.T) {
	l := startLab(t, "a", "b")
	b := l.backend(t, nil)
	to := filepath.Join(l.Dir, "x")
	req := newRequest(t, "copy", "k", 1, obj{"on": []any{"all"}, "text": "new\n", "to": to, "mode": "600"})
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       effect.Observed
	}{
		{"nothing there", "", 0, effect.NotApplied},
		{"another text", "old\n", 0o600, effect.NotApplied},
		{"another mode", "new\n", 0o644, effect.NotApplied},
		{"done", "new\n", 0o600, effect.Applied},
	} {
		_ = os.Remove(to)
		if c.mode != 0 {
			write(t, to, c.text, c.mode)
		}
		o, err := l.backend(t, nil).Observe(t.Context(), req)
		if err != nil || o.State != c.want {
			t.Errorf("%s: observed %v, %v", c.name, o, err)
		}
	}
	l.Hosts["a"].Stop(l.Hosts["a"].Cmd)
	o, err := b.Observe(t.Context(), req)
	if o.State != effect.Uncertain {
		t.Errorf("a host that is gone: %v", o)
	}
	fails(t, effect.AsError(err), effect.CodeUnavailable, "a (")
}
