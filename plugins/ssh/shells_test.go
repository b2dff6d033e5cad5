package ssh

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
	"github.com/q-ecosystem/runbook/plugins/internal/remotetest"
)

// TestCopyInShells runs the scripts without SSH, in each shell that is /bin/sh
// somewhere, and with the tools of busybox.
func TestCopyInShells(t *testing.T) {
	for _, shell := range []string{"dash", "bash", "busybox"} {
		t.Run(shell, func(t *testing.T) {
			argv, search := remotetest.Shell(t, shell)
			dir := t.TempDir()
			host := &remote.Host{}
			j := &job{b: &Backend{}, req: plugins.Request{Key: "k", Run: "r", Attempt: 1, Args: obj{"to": filepath.Join(dir, "f"), "text": "text\n"}}}
			run := func(script, stdin string) (string, string) {
				t.Helper()
				cmd := exec.Command(argv[0], append(argv[1:len(argv):len(argv)], "-c", script)...)
				cmd.Env = []string{"PATH=" + search, "HOME=" + dir}
				cmd.Stdin = strings.NewReader(stdin)
				var out, errs bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &errs
				_ = cmd.Run() // how it ended is what it says
				return out.String(), errs.String()
			}
			want := func(what, gotOut, gotErr, out, errs string) {
				t.Helper()
				if gotOut != out || !regexp.MustCompile(`^(?s)`+errs+`$`).MatchString(gotErr) {
					t.Errorf("%s: wrote %q and %q; want %q and %q", what, gotOut, gotErr, out, errs)
				}
			}
			s, fail := j.source()
			if fail != nil {
				t.Fatal(fail)
			}
			o, e := run(j.copyScript(host, s, true), "text\n")
			want("copy", o, e, "", "RUNBOOK_MARK_OF_THIS_SCRIPT begun\nRUNBOOK_MARK_OF_THIS_SCRIPT end changed\n")
			o, e = run(j.copyScript(host, s, true), "text\n")
			want("the same", o, e, "", "RUNBOOK_MARK_OF_THIS_SCRIPT end same\n")
			o, e = run(j.copyScript(host, s, false), "")
			want("compare", o, e, "", "RUNBOOK_MARK_OF_THIS_SCRIPT end file 5 "+s.sum+" 644 \\S+:\\S+\n")
			_ = os.Remove(j.text("to"))
			o, e = run(j.copyScript(host, s, true), "tex")
			want("half of it", o, e, "", "RUNBOOK_MARK_OF_THIS_SCRIPT begun\nRUNBOOK_MARK_OF_THIS_SCRIPT end die failed what arrived has the SHA-256 [0-9a-f]{64}, not "+s.sum+"\n")
			if exists(j.text("to")) {
				t.Error("half a file is there")
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
	fails(t, e, effect.CodeRefused, "a (", l.Hosts["a"].Dir, "cannot be made", "nothing was changed there")
	b = l.backend(t, obj{"sudo": l.User})
	must(t, b, "run", sh("a", "true", obj{"class": "write"}))
	b = l.backend(t, obj{"sudo": "no-such-user"})
	_, e = invoke(t, b, "run", sh("a", "true", obj{"class": "write"}))
	fails(t, e, effect.CodeRefused, "no-such-user", "NOPASSWD")
}
