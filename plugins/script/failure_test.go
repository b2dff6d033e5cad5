package script

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// running returns a backend whose program is a shell script.
func running(t *testing.T, text string, config obj) *Backend {
	t.Helper()
	c := obj{"program": put(t, filepath.Join(t.TempDir(), "deploy.sh"), "#!/bin/sh\n"+text), "grace": "300ms"}
	for name, value := range config {
		c[name] = value
	}
	return configured(t, c)
}

const green = `{"state":"released","version":"v2"}`

func release() obj { return obj{"env": "green", "version": "v2"} }

// TestEnds: what a program's end means, for a read and for a write.
func TestEnds(t *testing.T) {
	none := []string{""}
	for _, c := range []struct {
		name    string
		program string
		read    effect.Code // "" for success
		write   effect.Code
		says    []string
	}{
		{"done", "echo '" + green + "'", "", "", none},
		{"failed", "echo one >&2; echo no space left >&2; exit 1", effect.CodeFailed, effect.CodeFailed, []string{"ended with exit code 1 after", "its last lines:\none\nno space left"}},
		{"failed, silent", "exit 3", effect.CodeFailed, effect.CodeFailed, []string{"exit code 3", "it wrote nothing"}},
		{"failed, on the wrong stream", "echo no space left; exit 1", effect.CodeFailed, effect.CodeFailed, []string{`begins with "no space left`}},
		{"in its own words", `echo '{"error":"conflict","message":"blue is frozen","hint":"ask the release team"}'; exit 1`,
			effect.CodeConflict, effect.CodeConflict, []string{"blue is frozen", "exit code 1", "ask the release team"}},
		{"in words of no code", `echo '{"error":"internal","message":"blue is frozen"}'; exit 1`, effect.CodeFailed, effect.CodeFailed, []string{"blue is frozen"}},
		{"not now", "echo locked by kim >&2; exit 75", effect.CodeUnavailable, effect.CodeUnavailable, []string{"cannot do this now; nothing changed", "locked by kim"}},
		{"not known", "exit 64", effect.CodeUnsupported, effect.CodeUnsupported, []string{"does not know how to do this", "programs"}},
		{"killed", "echo half >&2; kill -9 $$", effect.CodeFailed, effect.CodeUnknown, []string{"killed by signal 9", "half"}},
		{"what it ran was killed", "sh -c 'kill -9 $$'; exit $?", effect.CodeFailed, effect.CodeUnknown, []string{"exit code 137"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := running(t, c.program, nil)
			_, read := invoke(t, b, "status", obj{"env": "green"})
			_, write := invoke(t, b, "release", release())
			for op, got := range map[string]struct {
				code effect.Code
				e    *effect.Error
			}{"status": {c.read, read}, "release": {c.write, write}} {
				if got.code == "" {
					if got.e != nil {
						t.Errorf("%s: %v", op, got.e)
					}
					continue
				}
				if err := says(got.e, got.code, append(c.says, "deploy.sh "+op+" for environment green")...); err != nil {
					t.Errorf("%s: %v", op, err)
				}
				if got.e.Hint == "" || got.e.Retryable != (got.code == effect.CodeUnavailable) {
					t.Errorf("%s: retryable %t, hint %q", op, got.e.Retryable, got.e.Hint)
				}
			}
		})
	}
}

// TestRubbish: an answer that is none is told with the program, how it ended
// and what it wrote; of a write nobody knows then what it did.
func TestRubbish(t *testing.T) {
	for _, c := range []struct{ name, answer, says string }{
		{"text", "deployed v2!", `begins with "deployed v2!`},
		{"two objects", green + green, "more follows"},
		{"an object and a line", green + "\nbye", "more follows"},
		{"half", green[:12], `begins with`},
		{"a list", "[1]", "it is no object"},
		{"a number for a text", `{"state":"released","version":2}`, "version: wants a string"},
		{"a text for a number", `{"state":"released","version":"v2","instances":"many"}`, "instances: wants a whole number"},
		{"an unknown state", `{"state":"deployed","version":"v2"}`, `state: must be one of "absent"`},
		{"no state", `{"version":"v2"}`, "state is missing"},
		{"an unknown key", `{"state":"released","verison":"v2"}`, "verison: is not known here"},
		{"absent with a version", `{"state":"absent","version":"v2"}`, "state is absent, and version v2"},
		{"released, and none", `{"state":"released"}`, "version is missing"},
		{"two that are active", `{"state":"active","version":"v2","serving":"v1"}`, "version v2 is active, and v1 serves"},
		{"serves and does not", `{"state":"released","version":"v2","serving":"v2"}`, "its state is released, not active"},
		{"of another place", `{"state":"released","version":"v2","env":"blue"}`, "env is blue, asked for was green"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := running(t, "cat <<'EOF'\n"+c.answer+"\nEOF\n", nil)
			_, e := invoke(t, b, "status", obj{"env": "green"})
			if err := says(e, effect.CodeFailed, "deploy.sh status for environment green ended with exit code 0", c.says, "begins with", "one JSON object"); err != nil {
				t.Error(err)
			}
			b = running(t, "if [ $1 = status ]; then echo '"+green+"'; exit; fi; cat <<'EOF'\n"+c.answer+"\nEOF\n", nil)
			_, e = invoke(t, b, "release", release())
			if err := says(e, effect.CodeUnknown, "deploy.sh release for environment green ended with exit code 0", c.says, "begins with"); err != nil {
				t.Error(err)
			}
		})
	}
	b := running(t, "exit 0", nil)
	if _, e := invoke(t, b, "status", obj{"env": "green"}); says(e, effect.CodeFailed, "it wrote nothing there") != nil {
		t.Errorf("nothing: %v", e)
	}
	for answer, want := range map[string]string{
		`{"regions":"eu"}`: "regions: wants a list", `{}`: "regions is missing", `{"regions":[{"state":"active"}]}`: "has no name",
		`{"regions":[{"name":"eu"},{"name":"eu"}]}`: "eu is there twice", `{"regions":[{"name":"eu","state":"on"}]}`: "regions[1].state",
	} {
		if _, e := invoke(t, running(t, "echo '"+answer+"'", nil), "regions", nil); says(e, effect.CodeFailed, want) != nil {
			t.Errorf("%s: %v", answer, e)
		}
	}
}

// TestReadBack: what status does not show after a write did, for all that is
// known, not happen.
func TestReadBack(t *testing.T) {
	for _, c := range []struct{ name, status, answer, says string }{
		{"another version", `{"state":"released","version":"v1"}`, "", "status tells that version v1 is released, wanted is v2"},
		{"nothing", `{"state":"absent"}`, "", "status tells that nothing is released, wanted is v2"},
		{"failed", `{"state":"failed","version":"v2"}`, "", "status tells that version v2 is failed"},
		{"under way", `{"state":"absent","pending":"v2"}`, "", "status tells that v2 is still under way"},
		{"of another effect", `{"state":"released","version":"v2","key":"k7"}`, "", "by another effect (k7)"},
		{"no answer", `oops`, "", "could not be read back"},
		{"its own answer", green, `{"state":"released","version":"v1"}`, "answered that version v1 is released, wanted is v2"},
	} {
		b := running(t, "if [ $1 = status ]; then echo '"+c.status+"'; else echo '"+c.answer+"'; fi", nil)
		if _, e := invoke(t, b, "release", release()); says(e, effect.CodeUnknown, "deploy.sh release for environment green ended with exit code 0", c.says) != nil {
			t.Errorf("%s: %v", c.name, e)
		}
	}
}

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	good := put(t, filepath.Join(dir, "good"), "#!/bin/sh\necho '"+green+"'\n")
	put(t, filepath.Join(dir, "headless"), "echo hello\n")
	put(t, filepath.Join(dir, "lost"), "#!/no/such/interpreter\n")
	plain := put(t, filepath.Join(dir, "plain"), "#!/bin/sh\n")
	loose := put(t, filepath.Join(dir, "loose"), "#!/bin/sh\n")
	for path, mode := range map[string]os.FileMode{plain: 0o644, loose: 0o757} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		code effect.Code
		says string
	}{
		"nope":  {effect.CodeNotFound, "there is no program " + dir + "/nope, which the configuration names for deploy.release"},
		"plain": {effect.CodeRefused, "is not executable"}, "loose": {effect.CodeRefused, "everybody can write to"},
		"headless": {effect.CodeRefused, "#!/bin/sh"}, "lost": {effect.CodeNotFound, "interpreter"},
	} {
		b := configured(t, obj{"programs": obj{"status": good, "release": filepath.Join(dir, name)}})
		if _, e := invoke(t, b, "release", release()); says(e, c.code, c.says, "nothing ran") != nil {
			t.Errorf("%s: %v", name, e)
		}
	}
	b := configured(t, obj{"path": dir, "programs": obj{"status": "good", "release": "nowhere"}})
	if _, e := invoke(t, b, "release", release()); says(e, effect.CodeNotFound, "no program nowhere for deploy.release in PATH", "nothing ran") != nil {
		t.Error(e)
	}
	if _, e := invoke(t, b, "activate", obj{"env": "green"}); says(e, effect.CodeUnsupported, "names no program for deploy.activate", "nothing ran") != nil {
		t.Error(e)
	}
	if must(t, b, "status", obj{"env": "green"})["version"] != "v2" {
		t.Error("a program in PATH was not found")
	}
	if err := b.Health(t.Context()); says(effect.AsError(err), effect.CodeNotFound, "nowhere") != nil {
		t.Errorf("health: %v", err)
	}
	if err := configured(t, obj{"program": good}).Health(t.Context()); err != nil {
		t.Errorf("health: %v", err)
	}
	if err := configured(t, obj{"program": put(t, filepath.Join(dir, "ill"), "#!/bin/sh\nexit 1\n"), "environment": "green"}).Health(t.Context()); err == nil {
		t.Error("a status that fails is healthy")
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	for _, c := range []struct {
		config obj
		says   string
	}{
		{obj{}, "no program is named for deploy.status"},
		{obj{"programs": obj{"release": "./r"}}, "no program is named for deploy.status"},
		{obj{"program": "./d", "env": obj{"DEPLOY_ENV": "x"}}, "runbook's own"},
		{obj{"program": "./d", "secrets": obj{"DEPLOY_TOKEN": "x"}}, "runbook's own"},
		{obj{"program": "./d", "env": obj{"RUNBOOK_KEY": "x"}}, "from runbook itself"},
		{obj{"program": "./d", "pass": []any{"A=B"}}, "neither the name"},
	} {
		b := New()
		if err := b.Configure(t.Context(), checked(t, b, c.config)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.config, err)
		}
	}
	if _, err := New().Invoke(t.Context(), request(t, "status", nil)); says(effect.AsError(err), effect.CodeInternal) != nil {
		t.Errorf("unconfigured: %v", err)
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	return !strings.HasPrefix(rest, " Z") && !strings.HasPrefix(rest, " X")
}

func pidIn(t *testing.T, path string) int {
	t.Helper()
	pid := 0
	plugintest.Until(t, "a pid in "+path, func() bool {
		data, _ := os.ReadFile(path)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(data)))
		return pid > 0 && strings.HasSuffix(string(data), "\n")
	})
	return pid
}

// TestHangs: a program that does not end is ended with all that it started.
func TestHangs(t *testing.T) {
	dir := t.TempDir()
	b := running(t, `echo copying >&2; setsid sleep 1000 & echo $! >child; trap '' TERM; while :; do sleep 0.05; done`, obj{"dir": dir})
	_, e := invoke(t, b, "release", obj{"env": "green", "version": "v2", "timeout": "500ms"})
	if err := says(e, effect.CodeUnknown, "took longer than 500ms", "stopped with all that it had started", "nobody knows how far it came", "copying"); err != nil {
		t.Error(err)
	}
	if pid := pidIn(t, filepath.Join(dir, "child")); alive(pid) {
		t.Errorf("the child (%d) is alive after the call", pid)
	}
}

// TestDaemon: what a program leaves behind goes on, and does not hold the call.
func TestDaemon(t *testing.T) {
	dir := t.TempDir()
	b := running(t, `[ $1 = status ] || { setsid sleep 1000 & echo $! >child; }; echo '`+green+`'`, obj{"dir": dir})
	must(t, b, "release", release())
	pid := pidIn(t, filepath.Join(dir, "child"))
	defer func() { _ = syscall.Kill(pid, syscall.SIGKILL) }()
	if !alive(pid) {
		t.Error("what the program left behind was killed")
	}
}

// TestSecrets: a program that prints its secrets shows them to nobody.
func TestSecrets(t *testing.T) {
	const secret = "s3cr3t-t0ken"
	config := obj{"secrets": obj{"TOKEN": secret}}
	for _, program := range []string{
		`echo "$TOKEN" >&2; echo "$TOKEN"; exit 1`,
		`echo "$TOKEN" >&2; printf '{"error":"conflict","message":"%s"}' "$TOKEN"; exit 1`,
		`echo "$TOKEN" >&2; echo "$TOKEN"`,
		`echo "$TOKEN" >&2; printf '{"%s":1}' "$TOKEN"`,
		`echo "$TOKEN" >&2; printf '{"state":"%s"}' "$TOKEN"`,
	} {
		var h heard
		req := request(t, "release", release())
		req.Progress = h.line
		_, err := running(t, program, config).Invoke(t.Context(), req)
		e := effect.AsError(err)
		if e == nil {
			t.Errorf("%s: no error", program)
			continue
		}
		shown := strings.Join(append(h.all(), e.Message, e.Hint), "\n")
		if strings.Contains(shown, secret) || !strings.Contains(shown, "[secret TOKEN]") {
			t.Errorf("%s: shown is %q", program, shown)
		}
	}
	v := must(t, running(t, `printf '{"state":"released","version":"%s"}' "$TOKEN"`, config), "status", nil)
	if v["version"] != "[secret TOKEN]" {
		t.Errorf("told is %v", v)
	}
}

// TestFloods: 100 MB on either stream are taken, and neither kept nor shown.
func TestFloods(t *testing.T) {
	flood := `head -c 100000000 /dev/zero | tr '\0' x | fold -w 99`
	b := running(t, flood, nil)
	_, e := invoke(t, b, "status", nil)
	if err := says(e, effect.CodeFailed, "more than 4 MiB", `begins with "xxx`); err != nil || len(e.Message) > 2000 {
		t.Errorf("%d bytes of message; %v", len(e.Message), err)
	}
	var h heard
	req := request(t, "release", release())
	req.Progress = h.line
	b = running(t, `[ $1 = status ] || `+flood+` >&2; echo '`+green+`'`, nil)
	if _, err := b.Invoke(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	lines := h.all()
	if last := lines[len(lines)-1]; !strings.Contains(last, "lines left out:") || len(lines) > 50_000 {
		t.Errorf("%d lines are shown, the last is %q", len(lines), last)
	}
}
