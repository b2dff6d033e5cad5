package remote

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/plugins/internal/remotetest"
)

// TestShells runs the scripts without SSH, in each shell that is /bin/sh
// somewhere, and with the tools of busybox.
func TestShells(t *testing.T) {
	for _, shell := range []string{"dash", "bash", "busybox"} {
		t.Run(shell, func(t *testing.T) {
			argv, search := remotetest.Shell(t, shell)
			dir, path := t.TempDir(), strings.Join(argv, " ")
			host := &Host{access: access{state: filepath.Join(dir, "state")}}
			record := &Record{Key: "k", Attempt: 1}
			const line = `echo "out $A"; cat; echo err >&2; exit 3`
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
			command := &Command{Argv: []string{path, "-c", line}, Vars: map[string]string{"A": "it's\n.\n"}, Limit: time.Minute}
			if shell == "busybox" {
				command.Argv = []string{"sh", "-c", line}
			}
			const ran, said = "out it's\n.\n\nin\n", "0123abcd begun N\nerr\n0123abcd end exit:3:[01]\n"
			o, e := run(command.Script(host), "in\n")
			want("read", o, e, ran, said)
			command.Record = record
			o, e = run(command.Script(host), "in\n")
			want("write", o, e, ran, said)
			record.Attempt = 2
			o, e = run(command.Script(host), "in\n")
			want("again", o, e, ran, "0123abcd again 3:[01]\nerr\n0123abcd end exit:3:[01]\n")
			o, e = run(record.Past(host, 0), "")
			want("asked", o, e, ran, "0123abcd again 3:[01]\nerr\n0123abcd end exit:3:[01]\n")
			command.Anew = true
			o, e = run(command.Script(host), "in\n")
			want("anew", o, e, ran, said)
			command.Anew = false
			record.Key = "other"
			o, e = run(record.Past(host, 0), "")
			want("not begun", o, e, "", "0123abcd end void\n")
			o, e = run(command.Script(host), "in\n")
			want("too late", o, e, "", "0123abcd end die void attempt 2 was made void\n")
			command.Argv, command.Limit = []string{"sleep", "300"}, time.Second
			record.Key = "slow"
			o, e = run(command.Script(host), "")
			want("stopped", o, e, "", "0123abcd begun N\n(Terminated\n)?0123abcd end stopped:[12]\n")
			command.Argv = []string{"nope"}
			o, e = run(command.Script(host), "")
			want("no program", o, e, "", "0123abcd end die not_found there is no program nope\n")
			if o, e = run(strings.TrimSuffix(framed("touch "+dir+"/x"), ".\n"), ""); exists(dir + "/x") {
				t.Errorf("half a script ran: %q %q", o, e)
			}
		})
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
