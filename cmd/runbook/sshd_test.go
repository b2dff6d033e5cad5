package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// sshds runs an sshd on loopback for each name, as a host of that name, for the
// rest of the script. The directory gets the key that opens them, known_hosts,
// and inventory.ini, in which web-1 is in the group web. Each host keeps its
// records in a directory of its own, DIRECTORY/NAME/home.
//
//	[!exec:/usr/sbin/sshd] skip 'sshd is not installed: apt-get install openssh-server'
//	sshds dir web-1 web-2
func sshds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: sshds DIRECTORY NAME…")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	me, err := user.Current()
	ts.Check(err)
	if os.Getuid() == 0 { // then, and only then, sshd wants it
		ts.Check(os.MkdirAll("/run/sshd", 0o755))
	}
	generate := func(file string) string {
		ts.Check(exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).Run())
		data, err := os.ReadFile(file + ".pub")
		ts.Check(err)
		return string(data)
	}
	ts.Check(os.WriteFile(filepath.Join(dir, "authorized"), []byte(generate(filepath.Join(dir, "id"))), 0o600))
	var known, inventory strings.Builder
	for _, name := range args[1:] {
		home := filepath.Join(dir, name, "home")
		ts.Check(os.MkdirAll(home, 0o700))
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		addr, port := l.Addr().String(), l.Addr().(*net.TCPAddr).Port
		ts.Check(l.Close())
		key := strings.Fields(generate(filepath.Join(dir, name, "host")))
		fmt.Fprintf(&known, "[127.0.0.1]:%d %s %s\n", port, key[0], key[1])
		group, _, _ := strings.Cut(name, "-")
		fmt.Fprintf(&inventory, "[%s]\n%s ansible_host=127.0.0.1 ansible_port=%d ansible_user=%s\n", group, name, port, me.Username)
		config := filepath.Join(dir, name, "sshd_config")
		ts.Check(os.WriteFile(config, fmt.Appendf(nil, `Port %d
ListenAddress 127.0.0.1
HostKey %s/%s/host
AuthorizedKeysFile %s/authorized
PidFile %s/%s/pid
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv HOME=%s
`, port, dir, name, dir, dir, name, home), 0o600))
		cmd := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", config)
		log, err := os.Create(filepath.Join(dir, name, "log"))
		ts.Check(err)
		cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, &syscall.SysProcAttr{}
		ts.Check(cmd.Start())
		ts.Check(log.Close())
		ts.Defer(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			if conn, err := net.Dial("tcp", addr); err == nil {
				_ = conn.Close()
				break
			}
			if time.Now().After(deadline) {
				ts.Fatalf("sshd does not listen at %s:\n%s", addr, ts.ReadFile(filepath.Join(args[0], name, "log")))
			}
		}
	}
	ts.Check(os.WriteFile(filepath.Join(dir, "known_hosts"), []byte(known.String()), 0o600))
	ts.Check(os.WriteFile(filepath.Join(dir, "inventory.ini"), []byte(inventory.String()), 0o600))
}
