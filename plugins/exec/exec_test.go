package exec

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/exec"
)

var (
	_ plugins.Backend   = (*Backend)(nil)
	_ plugins.Previewer = (*Backend)(nil)
)

// configured returns a backend with a configuration that passed the checks of
// the host.
func configured(t *testing.T, config map[string]any) *Backend {
	t.Helper()
	b := New()
	b.notice.Say = func(string) {}
	plugintest.Configured(t, b, config)
	return b
}

// request returns a request whose arguments passed the contract, as the host
// sends it.
func request(t *testing.T, args map[string]any) plugins.Request {
	t.Helper()
	req := plugintest.Request(t, contract.Module(), "run", "key-1", args)
	req.Run, req.Attempt = "run-1", 2
	return req
}

func run(t *testing.T, b *Backend, args map[string]any) (map[string]any, error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, args))
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

func sh(line string) map[string]any { return map[string]any{"shell": line} }

func argv(words ...string) map[string]any {
	list := make([]any, len(words))
	for i, w := range words {
		list[i] = w
	}
	return map[string]any{"argv": list}
}

func with(args map[string]any, more map[string]any) map[string]any {
	for k, v := range more {
		args[k] = v
	}
	return args
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func readPid(t *testing.T, path string) int {
	t.Helper()
	var pid int
	plugintest.Until(t, "a pid in "+path, func() bool {
		data, _ := os.ReadFile(path)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(data)))
		return pid > 0 && strings.HasSuffix(string(data), "\n")
	})
	return pid
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	return !strings.HasPrefix(rest, " Z") && !strings.HasPrefix(rest, " X")
}

func TestDescribeAgreesWithTheContract(t *testing.T) {
	d := New().Describe()
	if d.Module != "exec" || len(d.Ops) != len(contract.Module().Ops) {
		t.Errorf("described as %s with %d ops", d.Module, len(d.Ops))
	}
	if err := effect.Verify(d.Config); err != nil {
		t.Error(err)
	}
}

func TestOutcomes(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "plain.sh"), "echo hello\n", 0o644)
	writeFile(t, filepath.Join(dir, "headless"), "echo hello\n", 0o755)
	writeFile(t, filepath.Join(dir, "lost"), "#!/no/such/interpreter\n", 0o755)
	writeFile(t, filepath.Join(dir, "crlf"), "#!/bin/sh\r\necho hello\r\n", 0o755)
	writeFile(t, filepath.Join(dir, "deploy.sh"), "#!/bin/sh\necho \"deployed $1\"\n", 0o755)
	b := configured(t, map[string]any{"dir": dir})
	for _, c := range []struct {
		name   string
		args   map[string]any
		code   effect.Code // of the error; "" for success
		says   []string    // in output or error
		status float64
	}{
		{"argv", argv("echo", "a b", "$HOME"), "", []string{"a b $HOME\n"}, 0},
		{"shell", sh("echo one; echo two >&2; echo three"), "", []string{"one\ntwo\nthree\n"}, 0},
		{"relative to dir", argv("./deploy.sh", "v2"), "", []string{"deployed v2"}, 0},
		{"dir of the call", with(sh("pwd"), map[string]any{"dir": "/"}), "", []string{"/\n"}, 0},
		{"stdin", with(argv("cat"), map[string]any{"stdin": "some text"}), "", []string{"some text"}, 0},
		{"no stdin", argv("cat"), "", nil, 0},
		{"stdin nobody reads", with(argv("true"), map[string]any{"stdin": strings.Repeat("x", 1<<20)}), "", nil, 0},
		{"other good code", with(sh("exit 3"), map[string]any{"ok": []any{0.0, 3.0}}), "", nil, 3},
		{"bad code", sh("echo broken pipe on node 7; exit 3"), effect.CodeFailed,
			[]string{"/bin/sh -c 'echo broken pipe on node 7; exit 3' ended with exit code 3", "its last lines:\nbroken pipe on node 7"}, 0},
		{"bad code, silent", sh("exit 1"), effect.CodeFailed, []string{"it wrote nothing"}, 0},
		{"zero is not good", with(sh("true"), map[string]any{"ok": []any{1.0}}), effect.CodeFailed, []string{"exit code 0"}, 0},
		{"killed", sh("echo half; kill -9 $$"), effect.CodeUnknown, []string{"killed by signal 9", "nobody knows how far it came; its last lines:\nhalf"}, 0},
		{"killed, a read", with(sh("kill -9 $$"), map[string]any{"class": "read"}), effect.CodeFailed, []string{"killed by signal 9"}, 0},
		{"what it ran was killed", sh("sh -c 'kill -9 $$'; exit $?"), effect.CodeUnknown, []string{"exit code 137", "signal 9"}, 0},
		{"137 is a code like any other", with(sh("exit 137"), map[string]any{"ok": []any{137.0}}), "", nil, 137},
		{"no such name", argv("no-such-program"), effect.CodeNotFound, []string{"no program no-such-program in PATH", "nothing ran"}, 0},
		{"no such path", argv("./nope.sh"), effect.CodeNotFound, []string{dir + "/nope.sh", "nothing ran"}, 0},
		{"not executable", argv("./plain.sh"), effect.CodeRefused, []string{"not executable"}, 0},
		{"a directory", argv("/tmp"), effect.CodeRefused, []string{"/tmp is a directory"}, 0},
		{"no first line", argv("./headless"), effect.CodeRefused, []string{"#!/bin/sh"}, 0},
		{"no interpreter", argv("./lost"), effect.CodeNotFound, []string{"the interpreter /no/such/interpreter that"}, 0},
		{"lines of Windows", argv("./crlf"), effect.CodeNotFound, []string{"end as on Windows", `sed -i 's/\r$//' ` + dir + "/crlf"}, 0},
		{"an argument for a shell", argv("ls", "nope", "|", "wc"), effect.CodeFailed, []string{`"|" is handed over as it is`}, 0},
		{"a variable for a shell", argv("ls", "${NOPE_1}"), effect.CodeFailed, []string{`"${NOPE_1}" is handed over as it is`}, 0},
		{"told to end, a read", with(sh("kill $$"), map[string]any{"class": "read"}), effect.CodeFailed, []string{"signal 15 is an operator's"}, 0},
		{"crashed", sh("kill -SEGV $$"), effect.CodeUnknown, []string{"signal 11 is a crash of the program itself", "then say what happened"}, 0},
		{"too slow, a read", with(sh("sleep 60"), map[string]any{"class": "read", "timeout": 0.1}), effect.CodeTimeout, []string{"give it longer"}, 0},
		{"JSON with a byte order mark", with(sh(`printf '\357\273\277{}'`), map[string]any{"json": true}), "", []string{"{}"}, 0},
		{"no such dir", with(sh("true"), map[string]any{"dir": "nope"}), effect.CodeNotFound, []string{dir + "/nope"}, 0},
		{"dir is a file", with(sh("true"), map[string]any{"dir": "plain.sh"}), effect.CodeNotFound, []string{"no directory"}, 0},
		{"NUL", argv("echo", "a\x00b"), effect.CodeInvalid, []string{"NUL"}, 0},
		{"NUL in shell", sh("echo \x00"), effect.CodeInvalid, []string{"NUL"}, 0},
		{"NUL in env", with(sh("true"), map[string]any{"env": map[string]any{"A": "\x00"}}), effect.CodeInvalid, []string{"env.A"}, 0},
		{"bad variable", with(sh("true"), map[string]any{"env": map[string]any{"A=B": "1"}}), effect.CodeInvalid, []string{`"A=B"`}, 0},
		{"empty program", argv(""), effect.CodeInvalid, []string{"names no program"}, 0},
		{"too long", argv("true", strings.Repeat("x", 4<<20)), effect.CodeInvalid, []string{"longer than the system takes"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := run(t, b, c.args)
			if c.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range c.says {
					if !strings.Contains(v["output"].(string), s) {
						t.Errorf("output %q does not hold %q", v["output"], s)
					}
				}
				if v["code"] != c.status || v["truncated"] != false || v["seconds"].(float64) <= 0 {
					t.Errorf("returned %v", v)
				}
				return
			}
			var e *effect.Error
			if !errors.As(err, &e) || e.Code != c.code {
				t.Fatalf("want code %s, got %v", c.code, err)
			}
			for _, s := range c.says {
				if !strings.Contains(e.Message+e.Hint, s) {
					t.Errorf("%q (%s) does not hold %q", e.Message, e.Hint, s)
				}
			}
			if e.Hint == "" && c.code != effect.CodeInvalid {
				t.Errorf("%q gives no hint", e.Message)
			}
		})
	}
}

func TestResultFitsTheContract(t *testing.T) {
	v, err := run(t, configured(t, nil), sh("printf '\\377\\376 raw'; printf 'x\\000y'"))
	if err != nil {
		t.Fatal(err)
	}
	if v["output"] != "\xff\xfe rawx\x00y" {
		t.Errorf("output %q", v["output"])
	}
	if _, err := effect.CheckFields(contract.Module().Ops[0].Returns, nil, v); err != nil {
		t.Error(err)
	}
	if _, err := effect.Encode(v, nil); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentIsExplicit(t *testing.T) {
	t.Setenv("RUNBOOK_TEST_LEAK", "leaked")
	t.Setenv("LANG", "C.UTF-8")
	for _, name := range []string{"USER", "LOGNAME", "TZ", "TMPDIR"} {
		t.Setenv(name, "x-"+name)
	}
	b := configured(t, map[string]any{"path": "/usr/bin:/bin",
		"env": map[string]any{"REGION": "eu", "STAGE": "prod"}, "secrets": map[string]any{"TOKEN": "config-token"}})
	v, err := run(t, b, with(argv("env"), map[string]any{
		"env": map[string]any{"STAGE": "canary", "HOME": "/nowhere"}, "secrets": map[string]any{"PASSWORD": "hunter22"}}))
	if err != nil {
		t.Fatal(err)
	}
	want := "HOME=/nowhere\nLANG=C.UTF-8\nLOGNAME=x-LOGNAME\nPASSWORD=[secret PASSWORD]\nPATH=/usr/bin:/bin\nREGION=eu\n" +
		"RUNBOOK_ATTEMPT=2\nRUNBOOK_KEY=key-1\nRUNBOOK_RUN=run-1\nSTAGE=canary\nTMPDIR=x-TMPDIR\nTOKEN=[secret TOKEN]\nTZ=x-TZ\nUSER=x-USER\n"
	if v["output"] != want {
		t.Errorf("environment is\n%s\nwant\n%s", v["output"], want)
	}
}

func TestSecretsReachTheProgramAndNothingElse(t *testing.T) {
	const secret = "s3cr3t-value"
	var shown []string
	b := configured(t, nil)
	req := request(t, with(sh(`printf %s "$TOKEN" | base64; printf 's3cr3t'; printf -- '-value\n'; echo s3cr3t-val; exit 4`),
		map[string]any{"secrets": map[string]any{"TOKEN": secret}}))
	req.Progress = func(line string) { shown = append(shown, line) }
	_, err := b.Invoke(t.Context(), req)
	e := effect.AsError(err)
	if e == nil || e.Code != effect.CodeFailed {
		t.Fatalf("got %v", err)
	}
	everything := strings.Join(shown, "\n") + e.Message + e.Hint
	if strings.Contains(everything, secret) {
		t.Errorf("the secret is shown in %q", everything)
	}
	if encoded := base64.StdEncoding.EncodeToString([]byte(secret)); strings.Contains(everything, encoded) {
		t.Errorf("%q holds %q", everything, encoded)
	}
	if s := "[secret TOKEN]\n[secret TOKEN]\ns3cr3t-val"; !strings.Contains(everything, s) {
		t.Errorf("%q does not hold %q", everything, s)
	}
}

func TestLinesAreShownAsTheyCome(t *testing.T) {
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var lines []string
	req := request(t, with(sh(`echo first; read x < "$GATE"; printf 'second\r\n10%%\r20%%\nlast'`),
		map[string]any{"env": map[string]any{"GATE": gate}}))
	req.Progress = func(line string) { mu.Lock(); lines = append(lines, line); mu.Unlock() }
	done := make(chan error, 1)
	go func() {
		_, err := configured(t, nil).Invoke(t.Context(), req)
		done <- err
	}()
	plugintest.Until(t, "the first line", func() bool { mu.Lock(); defer mu.Unlock(); return len(lines) == 1 })
	writeFile(t, gate, "go\n", 0)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(lines, "|"); got != "first|second|20%|last" {
		t.Errorf("shown %q", got)
	}
}

func TestTailIsKept(t *testing.T) {
	v, err := run(t, configured(t, nil), sh("seq 1 100000"))
	if err != nil {
		t.Fatal(err)
	}
	out := v["output"].(string)
	if v["truncated"] != true || len(out) > output.TailSize || len(out) < output.TailSize-10 || !strings.HasSuffix(out, "\n99999\n100000\n") {
		t.Errorf("truncated %v, %d bytes, ends %q", v["truncated"], len(out), out[max(0, len(out)-20):])
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	for _, c := range []struct {
		config map[string]any
		says   string
	}{
		{map[string]any{"env": map[string]any{"": "x"}}, "no name of an environment variable"},
		{map[string]any{"secrets": map[string]any{"A=": "x"}}, "no name of an environment variable"},
		{map[string]any{"env": map[string]any{"A": "1"}, "secrets": map[string]any{"A": "2"}}, "both set A"},
		{map[string]any{"allow": []any{"/bin/[a"}}, "no pattern"},
	} {
		if err := plugintest.Configure(New(), c.config); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v", c.config, err)
		}
	}
	if _, err := New().Invoke(context.Background(), request(t, sh("true"))); effect.AsError(err).Code != effect.CodeInternal {
		t.Errorf("unconfigured: %v", err)
	}
	if _, err := configured(t, nil).Invoke(t.Context(), plugins.Request{Op: "walk"}); effect.AsError(err).Code != effect.CodeUnsupported {
		t.Errorf("unknown op: %v", err)
	}
	if err := configured(t, map[string]any{"dir": "/no/such/dir"}).Health(t.Context()); effect.AsError(err).Code != effect.CodeNotFound {
		t.Errorf("health: %v", err)
	}
	if err := configured(t, nil).Health(t.Context()); err != nil {
		t.Errorf("health: %v", err)
	}
}

func TestPreviewStartsNothing(t *testing.T) {
	dir := t.TempDir()
	b := configured(t, map[string]any{"dir": dir})
	c, err := b.Preview(t.Context(), request(t, argv("touch", "mark")))
	if err != nil || !strings.HasSuffix(c.Target, "/touch") || c.To != "run touch mark in "+dir {
		t.Errorf("previewed %+v, %v", c, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "mark")); err == nil {
		t.Error("the program ran")
	}
	if _, err := b.Preview(t.Context(), request(t, argv("no-such-program"))); effect.AsError(err) == nil {
		t.Error("a program that is not there was previewed")
	}
}
