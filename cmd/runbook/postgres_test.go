package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// postgres runs a primary, a, and its replica, b, on loopback for the rest of
// the script. Their addresses come into $PG_A and $PG_B, the directory that
// holds their data, the archive, backups and copies into $PG, and where the programs
// are into $PG_BIN; $PG_USER is whom they run as.
//
//	[!exec:pg_lsclusters] skip '…'
//	postgres
func postgres(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: postgres")
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		ts.Fatalf("PostgreSQL is not installed: apt-get install postgresql")
	}
	bin := filepath.Dir(found[len(found)-1])
	name, attr := "postgres", (*syscall.SysProcAttr)(nil)
	if os.Geteuid() == 0 {
		u, err := user.Lookup(name)
		ts.Check(err)
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	dir, err := os.MkdirTemp("/tmp", "rb-pgtest-")
	ts.Check(err)
	ts.Defer(func() { _ = os.RemoveAll(dir) })
	if attr != nil {
		ts.Check(os.Chown(dir, int(attr.Credential.Uid), int(attr.Credential.Gid)))
	}
	run := func(program string, args ...string) {
		cmd := exec.Command(filepath.Join(bin, program), args...)
		cmd.Env, cmd.Dir, cmd.SysProcAttr = append(os.Environ(), "LC_ALL=C"), "/", attr
		if out, err := cmd.CombinedOutput(); err != nil {
			ts.Fatalf("%s: %v\n%s", program, err, out)
		}
	}
	start := func(node string) (port string) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		_, port, _ = net.SplitHostPort(l.Addr().String())
		ts.Check(l.Close())
		data, wal := filepath.Join(dir, node), filepath.Join(dir, "wal")
		f, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
		ts.Check(err)
		fmt.Fprintf(f, "\nport = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\nshared_buffers = 16MB\narchive_mode = on\narchive_command = 'mkdir -p %s && test ! -f %s/%%f && cp %%p %s/.%%f && mv %s/.%%f %s/%%f'\n",
			port, wal, wal, wal, wal, wal)
		ts.Check(f.Close())
		run("pg_ctl", "start", "-D", data, "-w", "-s", "-l", filepath.Join(dir, node+".log"))
		ts.Defer(func() {
			text, _ := os.ReadFile(filepath.Join(data, "postmaster.pid"))
			if pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0]); err == nil && pid > 1 {
				_ = syscall.Kill(pid, syscall.SIGQUIT)
			}
		})
		return port
	}
	run("initdb", "-D", filepath.Join(dir, "a"), "-U", "runbook", "--auth", "trust", "-E", "UTF8", "--locale", "C", "--no-sync")
	a := start("a")
	run("pg_basebackup", "-h", "127.0.0.1", "-p", a, "-U", "runbook", "-D", filepath.Join(dir, "b"), "-R", "-X", "stream", "-c", "fast")
	b := start("b")
	for k, v := range map[string]string{"PG": dir, "PG_A": "127.0.0.1:" + a, "PG_B": "127.0.0.1:" + b, "PG_BIN": bin, "PG_USER": name} {
		ts.Setenv(k, v)
	}
}
