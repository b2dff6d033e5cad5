package ssh

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// TestShells runs the scripts without SSH, in each shell that is /bin/sh
// somewhere, and with the tools of busybox.
func TestShells(t *testing.T) {
	for _, shell := range []string{"dash", "bash", "busybox"} {
		t.Run(shell, func(t *testing.T) {
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Skipf("skipped: %s is not installed", shell)
			}
			dir := t.TempDir()
			search := os.Getenv("PATH")
			if shell == "busybox" {
				search = filepath.Join(dir, "bin")
				if err := os.Mkdir(search, 0o755); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.Command(path, "--install", "-s", search).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				path += " sh"
			}
			host := &target{access: access{state: filepath.Join(dir, "state")}}
			j := &job{b: &Backend{settings: &settings{}}, hosts: []*target{host}}
			j.req = plugins.Request{Key: "k", Run: "r", Attempt: 1, Args: obj{"shell": `echo "out $A"; cat; echo err >&2; exit 3`, "stdin": "in\n", "to": filepath.Join(dir, "f"), "text": "text\n"}}
			run := func(script, stdin string) (string, string) {
				t.Helper()
				cmd := exec.Command("/bin/sh", "-c", strings.ReplaceAll(boot(""), "/bin/sh", path))
				cmd.Env = []string{"PATH=" + search, "HOME=" + dir}
				cmd.Stdin = strings.NewReader(strings.ReplaceAll(strings.ReplaceAll(framed(script), "/bin/sh", path), markName, "0123abcd") + stdin)
				var out, errs bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &errs
				_ = cmd.Run() // how it ended is what it says
				return out.String(), regexp.MustCompile(`begun \d+`).ReplaceAllString(errs.String(), "begun N")
			}
			want := func(what, gotOut, gotErr, out, errs string) {
				t.Helper()
				if gotOut != out || !regexp.MustCompile(`^(?s)`+errs+`$`).MatchString(gotErr) {
					t.Errorf("%s: wrote %q and %q; want %q and %q", what, gotOut, gotErr, out, errs)
				}
			}
			command := &command{argv: []string{path, "-c", j.text("shell")}, vars: map[string]string{"A": "it's\n.\n"}, limit: time.Minute}
			if shell == "busybox" {
				command.argv = []string{"sh", "-c", j.text("shell")}
			}
			const ran, said = "out it's\n.\n\nin\n", "0123abcd begun N\nerr\n0123abcd end exit:3:[01]\n"
			o, e := run(command.script(j, host, false), "in\n")
			want("read", o, e, ran, said)
			o, e = run(command.script(j, host, true), "in\n")
			want("write", o, e, ran, said)
			j.req.Attempt = 2
			o, e = run(command.script(j, host, true), "in\n")
			want("again", o, e, ran, "0123abcd again 3:[01]\nerr\n0123abcd end exit:3:[01]\n")
			o, e = run(j.past(host, 0), "")
			want("asked", o, e, ran, "0123abcd again 3:[01]\nerr\n0123abcd end exit:3:[01]\n")
			j.req.Key = "other"
			o, e = run(j.past(host, 0), "")
			want("not begun", o, e, "", "0123abcd end void\n")
			o, e = run(command.script(j, host, true), "in\n")
			want("too late", o, e, "", "0123abcd end die void attempt 2 was made void\n")
			command.argv, command.limit = []string{"sleep", "300"}, time.Second
			j.req.Key = "slow"
			o, e = run(command.script(j, host, true), "")
			want("stopped", o, e, "", "0123abcd begun N\n(Terminated\n)?0123abcd end stopped:[12]\n")
			command.argv = []string{"nope"}
			o, e = run(command.script(j, host, true), "")
			want("no program", o, e, "", "0123abcd end die not_found there is no program nope\n")

			s, fail := j.source()
			if fail != nil {
				t.Fatal(fail)
			}
			o, e = run(j.copyScript(host, s, true), "text\n")
			want("copy", o, e, "", "0123abcd begun\n0123abcd end changed\n")
			o, e = run(j.copyScript(host, s, true), "text\n")
			want("the same", o, e, "", "0123abcd end same\n")
			o, e = run(j.copyScript(host, s, false), "")
			want("compare", o, e, "", "0123abcd end file 5 "+s.sum+" 644 \\S+:\\S+\n")
			_ = os.Remove(j.text("to"))
			o, e = run(j.copyScript(host, s, true), "tex")
			want("half of it", o, e, "", "0123abcd begun\n0123abcd end die failed what arrived has the SHA-256 [0-9a-f]{64}, not "+s.sum+"\n")
			if exists(j.text("to")) {
				t.Error("half a file is there")
			}
			if o, e = run(strings.TrimSuffix(framed("touch "+dir+"/x"), ".\n"), ""); exists(dir + "/x") {
				t.Errorf("half a script ran: %q %q", o, e)
			}
		})
	}
}

// TestSudo becomes another user where the machine lets it.
func TestSudo(t *testing.T) {
	if out, err := exec.Command("sudo", "-n", "-u", "nobody", "--", "true").CombinedOutput(); err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" && os.Getuid() == 0 {
			t.Fatalf("sudo does not work, and RUNBOOK_REQUIRE_SERVERS=1 asks for it: %v %s", err, out)
		}
		t.Skipf("skipped: sudo cannot be used here without a password: %v", err)
	}
	l := startLab(t, "a")
	b := l.backend(t, obj{"sudo": "nobody"})
	v := must(t, b, "run", sh("a", `id -un; echo "$RUNBOOK_RUN $P"`, obj{"class": "read", "secrets": obj{"P": "hunter2222"}}))
	if got := v["a"].(obj)["stdout"]; got != "nobody\nrun-1 [secret P]\n" {
		t.Errorf("it ran as %q", got)
	}
	_, e := invoke(t, b, "run", sh("a", "true", obj{"class": "write"}))
	fails(t, e, effect.CodeRefused, "a (", l.hosts["a"].dir, "cannot be made", "nothing was changed there")
	b = l.backend(t, obj{"sudo": l.user})
	must(t, b, "run", sh("a", "true", obj{"class": "write"}))
	b = l.backend(t, obj{"sudo": "no-such-user"})
	_, e = invoke(t, b, "run", sh("a", "true", obj{"class": "write"}))
	fails(t, e, effect.CodeRefused, "no-such-user", "NOPASSWD")
}
