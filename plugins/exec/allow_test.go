package exec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestAllow tries every way around the list that is known.
func TestAllow(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"bin", "sub/bin", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := "#!/bin/sh\necho ok\n"
	for _, name := range []string{"bin/good", "evil", "sub/bin/good", "other/good", "other/env", "tool-a", "tool-b"} {
		writeFile(t, filepath.Join(dir, name), script, 0o755)
	}
	for link, target := range map[string]string{"bin/lnk": "../evil", "bin/again": "good", "meant": "evil", "linked": "bin", "tool-link": "/bin/sh",
		"bin/envy": "/usr/bin/env"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	env := func(name, value string) map[string]any { return map[string]any{"env": map[string]any{name: value}} }
	b := configured(t, map[string]any{"dir": dir, "path": "/usr/bin:/bin",
		"allow": []any{"./bin/*", "./tool-?", "./tool-l*", "./meant", "env", "nice", "timeout", "true", "/bin/ech?", "/usr/bin/env"}})
	for _, c := range []struct {
		args map[string]any
		ok   bool
	}{
		{argv("./bin/good"), true},
		{argv("./linked/good"), true},
		{argv(dir + "/../" + filepath.Base(dir) + "/bin/good"), true},
		{argv("./bin/again"), true},
		{argv("./meant"), true},
		{argv("./tool-a"), true},
		{argv("/bin/echo", "x"), true},
		{argv("true"), true},
		{argv("env"), true},
		{argv("env", "STAGE=prod", "true"), true},
		{argv("nice", "-n", "5", "./bin/good"), true},
		{argv("timeout", "-k", "1s", "10s", "nice", "./bin/good"), true},
		{with(argv("./bin/good"), env("STAGE", "prod")), true},

		{argv("./evil"), false},
		{argv("./bin/../evil"), false},
		{argv("./bin/lnk"), false},
		{argv("./linked/lnk"), false},
		{argv("./tool-link", "-c", "echo x"), false},
		{with(argv("./bin/good"), map[string]any{"dir": "sub"}), false},
		{with(argv("bin/good"), map[string]any{"dir": "sub"}), false},
		{sh("echo x"), false},
		{with(argv("good"), env("PATH", dir+"/other")), false},
		{with(argv("env"), env("PATH", dir+"/other")), false},
		{argv("env", "sh", "-c", "echo x"), false},
		{argv("env", "-S", "sh -c 'echo x'"), false},
		{argv("env", "-Ssh -c x"), false},
		{argv("env", "--split-string=sh -c x"), false},
		{argv("env", "LD_PRELOAD=./pre.so", "true"), false},
		{argv("env", "nice", "sh"), false},
		{argv("nice", "-n", "5", "./evil"), false},
		{argv("timeout", "5", "sh"), false},
		{argv("./bin/envy", "sh", "-c", "echo x"), false},
		{with(argv("true"), map[string]any{"pass": []any{"LD_*"}}), true}, // nothing of that kind is set
		{with(argv("true"), map[string]any{"secrets": map[string]any{"LD_PRELOAD": "./pre.so"}}), false},
	} {
		_, err := run(t, b, c.args)
		if c.ok && err != nil {
			t.Errorf("%v: %v", c.args, err)
		}
		if e := effect.AsError(err); !c.ok && (e == nil || e.Code != effect.CodeRefused || !strings.Contains(e.Message, "nothing ran") || !strings.Contains(e.Hint, "allow")) {
			t.Errorf("%v: got %v", c.args, err)
		}
	}
	for _, name := range []string{"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "BASH_FUNC_echo%%", "SHELLOPTS", "PS4", "IFS", "HOME",
		"PYTHONPATH", "PYTHONSTARTUP", "PERL5OPT", "RUBYOPT", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "GIT_SSH_COMMAND", "GIT_PAGER",
		"PAGER", "MANPAGER", "EDITOR", "KUBE_EDITOR", "LESSOPEN", "GCONV_PATH", "XDG_CONFIG_HOME", "TAR_OPTIONS", "MAKEFLAGS"} {
		if _, err := run(t, b, with(argv("./bin/good"), env(name, "x"))); effect.AsError(err) == nil || effect.AsError(err).Code != effect.CodeRefused {
			t.Errorf("%s may be set: %v", name, err)
		}
	}
	t.Setenv("KUBECONFIG", "/etc/kube")
	if _, err := run(t, b, with(argv("./bin/good"), map[string]any{"pass": []any{"KUBECONFIG"}})); err != nil {
		t.Errorf("KUBECONFIG of runbook's own may not pass: %v", err)
	}
	for _, name := range []string{"KUBECONFIG", "DOCKER_CONFIG", "AWS_CONFIG_FILE", "PSQLRC", "RCLONE_PASSWORD_COMMAND", "BORG_RSH", "WGETRC", "VIMINIT", "MAVEN_OPTS"} {
		if _, err := run(t, b, with(argv("./bin/good"), env(name, "x"))); effect.AsError(err) == nil || effect.AsError(err).Code != effect.CodeRefused {
			t.Errorf("%s may be set: %v", name, err)
		}
	}
	strict := configured(t, map[string]any{"dir": dir, "allow": []any{"true"}, "allow_env": []any{"STAGE", "PYTHON*"}})
	for name, ok := range map[string]bool{"STAGE": true, "PYTHONPATH": true, "REGION": false, "LD_PRELOAD": false} {
		if _, err := run(t, strict, with(argv("true"), env(name, "x"))); (err == nil) != ok {
			t.Errorf("allow_env, %s: %v", name, err)
		}
	}
	open := configured(t, map[string]any{"dir": dir})
	if _, err := run(t, open, with(argv("true"), env("LD_LIBRARY_PATH", "x"))); err != nil {
		t.Errorf("without allow, any variable may be set: %v", err)
	}
}

// TestOneFileManyPrograms has a file that is another program under another
// name, as busybox is: allowing one of its names allows no other.
func TestOneFileManyPrograms(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "box"), "#!/bin/sh\necho $0\n", 0o755)
	for _, name := range []string{"true", "sh"} {
		if err := os.Symlink("box", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	b := configured(t, map[string]any{"path": dir, "allow": []any{"true"}})
	if _, err := run(t, b, argv("true")); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"sh", "box"} {
		if _, err := run(t, b, argv(name)); effect.AsError(err) == nil {
			t.Errorf("%s ran", name)
		}
	}
}

// TestAllowedAndReplaceable: what everybody can replace is nobody's program, and
// a link on the way does not lead elsewhere once it was looked at.
func TestAllowedAndReplaceable(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"bin", "open", "other"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(dir, "bin/good"), "#!/bin/sh\necho good\n", 0o755)
	writeFile(t, filepath.Join(dir, "bin/loose"), "#!/bin/sh\n", 0o755)
	writeFile(t, filepath.Join(dir, "open/good"), "#!/bin/sh\n", 0o755)
	writeFile(t, filepath.Join(dir, "other/good"), "#!/bin/sh\necho other\n", 0o755)
	for path, mode := range map[string]os.FileMode{"bin/loose": 0o757, "open": 0o757} {
		if err := os.Chmod(filepath.Join(dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("bin", link); err != nil {
		t.Fatal(err)
	}
	b := configured(t, map[string]any{"dir": dir, "allow": []any{"./bin/*", "./open/*"}})
	for _, name := range []string{"./bin/loose", "./open/good"} {
		if _, err := run(t, b, argv(name)); effect.AsError(err) == nil || !strings.Contains(err.Error(), "everybody can write to") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := newSettings(map[string]any{"dir": dir, "allow": []any{"./bin/*"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCommand(s, request(t, argv("./link/good")))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("other", link); err != nil {
		t.Fatal(err)
	}
	if want, err := filepath.EvalSymlinks(filepath.Join(dir, "bin/good")); err != nil || c.Path != want {
		t.Errorf("it runs %s, want %s (%v)", c.Path, want, err)
	}
}
