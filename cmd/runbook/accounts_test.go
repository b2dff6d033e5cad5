package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// accountTools are what accounts of the operating system are made and used with.
var accountTools = []string{"sudo", "visudo", "useradd", "userdel", "groupadd", "groupdel", "setpriv"}

// canHaveAccounts reports whether accounts can be made: by root, where the tools
// are. That they lack where servers are required is an error.
func canHaveAccounts() (bool, error) {
	if os.Getuid() != 0 {
		return false, nil
	}
	for _, tool := range accountTools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
				return false, fmt.Errorf("%w, and RUNBOOK_REQUIRE_SERVERS=1 asks for it", err)
			}
			return false, nil
		}
	}
	return true, nil
}

// accounts makes accounts of the operating system for the rest of the script: ops,
// which a journal is to belong to, and those of people, each in groups that may act
// as ops by sudo, as the rules on the page operate.md say.
//
//	[!accounts] skip '…'
//	accounts dan=deployers ana=on-call
//
// Their names are unlike any other, and come into $OPS, $DAN and $ANA; $SHARED is a
// directory that all can enter, in which $SHARED/bin holds the program, $SHARED/ops is
// that of ops, and $SHARED/home/ana one that is closed to others. `sh by ana WORDS…`
// has ana call runbook as ops, from there or from $AT, `sh self ana WORDS…` any program
// as herself.
func accounts(page string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) == 0 {
			ts.Fatalf("usage: accounts NAME=GROUP…")
		}
		dir, err := os.MkdirTemp("/tmp", "rb-accounts-") // that of the script is closed to other users
		ts.Check(err)
		ts.Defer(func() { _ = os.RemoveAll(dir) })
		ts.Check(os.Chmod(dir, 0o755))
		for _, below := range []string{"bin", "home"} {
			ts.Check(os.Mkdir(filepath.Join(dir, below), 0o755))
		}
		program := filepath.Join(dir, "bin", "runbook")
		ts.Check(copyProgram(program))

		prefix := fmt.Sprintf("rb%d-", os.Getpid())
		made := map[string]bool{}
		group := func(name string) string {
			if !made[name] {
				made[name] = true
				change(ts, "groupadd", prefix+name)
				ts.Defer(func() { _ = exec.Command("groupdel", prefix+name).Run() })
			}
			return prefix + name
		}
		account := func(name, home string, more ...string) {
			change(ts, "useradd", append(more, "--create-home", "--home-dir", home, "--key", "HOME_MODE=0700", "--shell", "/bin/sh", prefix+name)...)
			ts.Defer(func() { _ = exec.Command("userdel", "--force", prefix+name).Run() })
			ts.Setenv(strings.ToUpper(name), prefix+name)
		}
		account("ops", filepath.Join(dir, "ops"))
		for _, arg := range args {
			name, in, _ := strings.Cut(arg, "=")
			account(name, filepath.Join(dir, "home", name), "--groups", group(in))
		}

		rules, err := example(page, "sudoers", 0)
		ts.Check(err)
		rules = strings.ReplaceAll(rules, "/usr/local/bin/runbook", program)
		rules = strings.ReplaceAll(rules, "(ops)", "("+prefix+"ops)")
		rules = regexp.MustCompile(`(?m)^%`).ReplaceAllString(rules, "%"+prefix)
		rules += fmt.Sprintf("Defaults:%%%sdeployers secure_path=%s:/usr/bin:/bin\n", prefix, filepath.Dir(program))
		checked := filepath.Join(dir, "sudoers")
		ts.Check(os.WriteFile(checked, []byte(rules), 0o440))
		if out, err := exec.Command("visudo", "--check", "--file", checked).CombinedOutput(); err != nil {
			ts.Fatalf("the rules of %s: %v\n%s", page, err, out)
		}
		file := "/etc/sudoers.d/" + strings.TrimSuffix(prefix, "-")
		ts.Defer(func() { _ = os.Remove(file) })
		ts.Check(os.WriteFile(file, []byte(rules), 0o440))

		ts.Setenv("SHARED", dir)
		self := fmt.Sprintf(`who=$1; shift
home=%s/home/$who
[ $who = ops ] && home=%s/ops
cd ${AT:-$home} && exec setpriv --reuid %s$who --regid %s$who --init-groups env -i HOME=$home PATH=%s:/usr/bin:/bin USER=%s$who "$@"
`, dir, dir, prefix, prefix, filepath.Dir(program), prefix)
		ts.Check(os.WriteFile(ts.MkAbs("self"), []byte(self), 0o600))
		by := fmt.Sprintf("who=$1; shift\nexec sh %s $who sudo -n -u %sops %s \"$@\"\n", ts.MkAbs("self"), prefix, program)
		ts.Check(os.WriteFile(ts.MkAbs("by"), []byte(by), 0o600))
	}
}

// change changes the accounts of the machine; somebody else may be at it.
func change(ts *testscript.TestScript, tool string, args ...string) {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		out, err := exec.Command(tool, args...).CombinedOutput()
		if err == nil {
			return
		}
		if !strings.Contains(string(out), "lock") || time.Now().After(deadline) {
			ts.Fatalf("%s %s: %v %s", tool, strings.Join(args, " "), err, out)
		}
	}
}

// copyProgram puts this program to where others may run it.
func copyProgram(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if os.Link(self, to) == nil {
		return os.Chmod(to, 0o755)
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
