package ssh

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func sh(on, line string, more obj) obj {
	args := obj{"on": []any{on}, "shell": line}
	for k, v := range more {
		args[k] = v
	}
	return args
}

func TestRun(t *testing.T) {
	l := startLab(t, "web-1", "web-2", "db-1")
	b := l.backend(t, nil)
	for _, class := range []string{"read", "write"} {
		of := func(more obj) obj {
			out := obj{"class": class}
			for k, v := range more {
				out[k] = v
			}
			return out
		}
		hosts := must(t, b, "run", sh("web", "echo out; echo err >&2", of(nil)))
		if len(hosts) != 2 || hosts["web-2"].(obj)["stdout"] != "out\n" || hosts["web-2"].(obj)["stderr"] != "err\n" {
			t.Errorf("%s: %v", class, hosts)
		}
		v := must(t, b, "run", obj{"on": []any{"db-1"}, "argv": []any{"printf", "%s|", "a b", "", "c'd\n", "$HOME"}, "class": class})
		if got := v["db-1"].(obj)["stdout"]; got != "a b||c'd\n|$HOME|" {
			t.Errorf("%s: the arguments came as %q", class, got)
		}
		v = must(t, b, "run", sh("db-1", `printf '%s\n' "$A" "$RUNBOOK_KEY" "$RUNBOOK_RUN" "$RUNBOOK_ATTEMPT"; cat; pwd`, of(obj{"env": obj{"A": "x\n.\ny"}, "stdin": "in\n.\n", "dir": "/usr"})))
		if got := v["db-1"].(obj)["stdout"].(string); !strings.HasPrefix(got, "x\n.\ny\nTestRun-") || !strings.HasSuffix(got, "\nrun-1\n1\nin\n.\n/usr\n") {
			t.Errorf("%s: the environment came as %q", class, got)
		}
		v = must(t, b, "run", sh("db-1", `echo '{"a":[1,null],"id":9007199254740993}'; echo note >&2`, of(obj{"json": true})))
		if got, _ := effect.Encode(v["db-1"].(obj)["json"], nil); string(got) != `{"a":[1,null],"id":"9007199254740993"}` {
			t.Errorf("%s: json %s", class, got)
		}
		v = must(t, b, "run", sh("db-1", "seq 1 100000", of(nil)))
		if out := v["db-1"].(obj)["stdout"].(string); v["db-1"].(obj)["truncated"] != true || !strings.HasSuffix(out, "\n99999\n100000\n") || len(out) > 64<<10 {
			t.Errorf("%s: %d bytes", class, len(out))
		}
		out, e := invoke(t, b, "run", sh("db-1", `echo "pass $P"; exit 3`, of(obj{"secrets": obj{"P": "hunter2222"}})))
		if fails(t, e, effect.CodeFailed, "db-1", l.Hosts["db-1"].Addr, "exit code 3", "pass [secret P]", "add it to ok"); out != nil || strings.Contains(e.Message, "hunter2222") {
			t.Errorf("%s: %v %v", class, out, e)
		}
		v = must(t, b, "run", sh("db-1", "exit 3", of(obj{"ok": []any{0, 3}})))
		if v["db-1"].(obj)["code"] != 3.0 {
			t.Errorf("%s: %v", class, v)
		}
		for says, args := range map[string]obj{
			"there is no program nope-nope":                       {"on": []any{"db-1"}, "argv": []any{"nope-nope"}, "class": class},
			"the directory /nowhere cannot be entered; nothing w": sh("db-1", "true", of(obj{"dir": "/nowhere"})),
		} {
			_, e := invoke(t, b, "run", args)
			fails(t, e, effect.CodeNotFound, says)
		}
		// A daemon that keeps the output open is left alone.
		v = must(t, b, "run", sh("db-1", "sleep 300 & echo $!", of(nil)))
		must(t, b, "run", sh("db-1", "kill "+strings.TrimSpace(v["db-1"].(obj)["stdout"].(string)), nil))
	}
}

func TestTimeout(t *testing.T) {
	l := startLab(t, "a")
	b := l.backend(t, nil)
	pid := filepath.Join(l.Dir, "pid")
	for class, code := range map[string]effect.Code{"read": effect.CodeTimeout, "write": effect.CodeUnknown} {
		_, e := invoke(t, b, "run", sh("a", "echo begun; sh -c 'echo $$ > "+pid+"; exec sleep 300'; echo over", obj{"class": class, "timeout": "1s"}))
		fails(t, e, code, "still running after", "begun")
		if p := strings.TrimSpace(read(t, pid)); alive(p) {
			t.Errorf("%s: what the command started (%s) is alive after the call", class, p)
		}
	}
}

// TestNothingStays: of commands that end at once, nothing that watched over them
// is left.
func TestNothingStays(t *testing.T) {
	l := startLab(t, "a")
	b := l.backend(t, nil)
	limit := 100_000 + rand.IntN(1_000_000) // no other process has it
	// One that is slow where it begins to watch: the command is over by then.
	slow := "#!/bin/sh\ncase $* in *'sleep \"$1\"'*) sleep 0.5;; esac\nexec " + setsidPath(t) + ` "$@"` + "\n"
	write(t, filepath.Join(l.Dir, "bin", "setsid"), slow, 0o755)
	for _, class := range []string{"read", "write"} {
		must(t, b, "run", sh("a", "true", obj{"class": class, "timeout": limit}))
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		pid := filepath.Base(filepath.Dir(p))
		if line := cmdline(pid); strings.Contains(line, "\x00"+strconv.Itoa(limit)) && alive(pid) {
			t.Errorf("left alive: %s %q", pid, line)
		}
	}
}

func setsidPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("setsid")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFailureStopsTheRest: what fails on one host is not begun on others, unless
// partial asks for it.
func TestFailureStopsTheRest(t *testing.T) {
	l := startLab(t, "a", "b", "c")
	b := l.backend(t, nil)
	mark := filepath.Join(l.Dir, "mark-")
	line := "touch " + mark + `"$RUNBOOK_TEST_PORT"; [ "${SSH_CONNECTION##* }" != ` + portOf(l, "b") + " ]"
	_, e := invoke(t, b, "run", sh("all", line, obj{"limit": 1}))
	fails(t, e, effect.CodeFailed, "b (", "done on a", "not begun on c")
	hosts := must(t, b, "run", sh("all", line, obj{"partial": true}))
	if hosts["a"].(obj)["code"] != 0.0 || hosts["b"].(obj)["failure"] != "failed" || hosts["c"].(obj)["code"] != 0.0 {
		t.Errorf("partial: %v", hosts)
	}
	l.Hosts["b"].Stop(l.Hosts["b"].Cmd)
	_, e = invoke(t, b, "run", sh("all", "true", obj{"class": "read"}))
	fails(t, e, effect.CodeUnavailable, "b (", "cannot be reached", "nothing was sent", "sshd listens")
	_, e = invoke(t, b, "run", sh("all", "true", obj{"limit": 1}))
	fails(t, e, effect.CodeFailed, "b (", "done on a", "not begun on c")
	hosts = must(t, b, "run", sh("all", "true", obj{"class": "read", "partial": true}))
	if hosts["b"].(obj)["failure"] != "unavailable" || hosts["c"].(obj)["code"] != 0.0 {
		t.Errorf("partial: %v", hosts)
	}
	_, e = invoke(t, b, "run", sh("d", "true", nil))
	fails(t, e, effect.CodeNotFound, `no host is called "d"`, "known: a, b, c")
}

func portOf(l *lab, name string) string {
	_, port, _ := strings.Cut(l.Hosts[name].Addr, ":")
	return port
}

// alive reports whether a process runs; one that has ended and that nobody has
// taken note of does not.
func alive(pid string) bool {
	data, err := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, _ := strings.Cut(string(data), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z")
}
