package postgres

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

type obj = map[string]any

// waiting bounds the waits for conditions.
const waiting = time.Minute

const secret = "pass-w0rd of the tests"

// schema is what databases begin with.
const schema = `CREATE TABLE orders (id serial PRIMARY KEY, item text NOT NULL, paid boolean);
INSERT INTO orders (item, paid) VALUES ('apple', true), ('pear', false), ('plum', NULL);
CREATE EXTENSION amcheck;`

// programs returns where Debian keeps PostgreSQL; the test is skipped where it
// is not installed.
func programs(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatal("PostgreSQL is not installed, and RUNBOOK_REQUIRE_SERVERS=1 asks for it")
		}
		t.Skip("skipped: PostgreSQL is not installed: apt-get install postgresql")
	}
	return filepath.Dir(found[len(found)-1])
}

// whom returns the user that servers run as: nobody else unless we are root.
func whom(t *testing.T) (name string, attr *syscall.SysProcAttr) {
	t.Helper()
	if os.Geteuid() != 0 {
		return "", nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return name, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	t.Skip("skipped: we are root, and there is no user that PostgreSQL could run as")
	return "", nil
}

// lab is where clusters of one test stand.
type lab struct {
	t         *testing.T
	bin, user string
	attr      *syscall.SysProcAttr
	dir       string
	archive   string // the archive_command; into a directory if it is empty
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, bin: programs(t)}
	l.user, l.attr = whom(t)
	l.dir = l.temp()
	t.Cleanup(func() { _ = os.RemoveAll(l.dir) })
	for _, name := range []string{"wal", "backups", "copies"} {
		l.mkdir(filepath.Join(l.dir, name))
	}
	return l
}

// temp makes a directory that servers can write; that of the test is closed to
// them. It is in memory where there is room: what clusters and tools wait for
// most is the disk, and no test loses power.
func (l *lab) temp() string {
	where := "/dev/shm"
	if shared.Room(where, 4<<30, "the tests' clusters") != nil || !shared.Exists(where) {
		where = "/tmp"
	}
	dir, err := os.MkdirTemp(where, "rb-pgtest-")
	if err != nil {
		l.t.Fatal(err)
	}
	l.own(dir)
	return dir
}

func (l *lab) own(name string) {
	if l.attr != nil {
		if err := os.Chown(name, int(l.attr.Credential.Uid), int(l.attr.Credential.Gid)); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lab) mkdir(dir string) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		l.t.Fatal(err)
	}
	l.own(dir)
}

// run runs one of PostgreSQL's programs, or another, as the servers' user.
func (l *lab) run(name string, args ...string) string {
	l.t.Helper()
	if !strings.Contains(name, "/") {
		name = filepath.Join(l.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PGPASSWORD="+secret)
	cmd.Dir, cmd.SysProcAttr = "/", l.attr
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// alone gives statements to a cluster that nobody serves.
func (l *lab) alone(data string, statements ...string) {
	l.t.Helper()
	cmd := exec.Command(filepath.Join(l.bin, "postgres"), "--single", "-D", data, "-F", "-c", "exit_on_error=on", "postgres")
	cmd.Dir, cmd.SysProcAttr, cmd.Stdin = "/", l.attr, strings.NewReader(strings.Join(statements, "\n")+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

var template struct {
	sync.Once
	dir string
}

// cluster is a running server.
type cluster struct {
	l    *lab
	name string
	port string
	data string
}

// primary starts one with the tests' tables, which archives.
func (l *lab) primary(name string) *cluster {
	l.t.Helper()
	template.Do(func() { // initdb takes long
		dir := l.temp()
		pw := filepath.Join(dir, "pw")
		if err := os.WriteFile(pw, []byte(secret+"\n"), 0o600); err != nil {
			l.t.Fatal(err)
		}
		l.own(pw)
		l.run("initdb", "-D", filepath.Join(dir, "data"), "-U", "runbook", "--pwfile", pw, "--auth", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--data-checksums", "--no-sync", "--wal-segsize", "1")
		// Backups, copies and what looks at their files take as long as there are
		// files: the databases that only new ones are made from go, which is two
		// thirds of all.
		l.alone(filepath.Join(dir, "data"), "ALTER DATABASE template0 IS_TEMPLATE false", "DROP DATABASE template0",
			"ALTER DATABASE template1 IS_TEMPLATE false", "DROP DATABASE template1")
		template.dir = dir
	})
	c := &cluster{l: l, name: name, port: freePort(l.t), data: filepath.Join(l.dir, name)}
	l.run("/bin/cp", "-a", filepath.Join(template.dir, "data"), c.data)
	c.configure()
	c.start()
	c.do(schema)
	return c
}

func (c *cluster) configure() {
	f, err := os.OpenFile(filepath.Join(c.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		c.l.t.Fatal(err)
	}
	defer f.Close()
	// A standby that is promoted may archive a segment which the old primary has
	// archived meanwhile: the same file again is no failure.
	// https://www.postgresql.org/docs/15/continuous-archiving.html
	to := filepath.Join(c.l.dir, "wal", "%f")
	archive := or(c.l.archive, fmt.Sprintf("if test -f %s; then cmp -s %%p %s; else cp %%p %s.%s && mv %s.%s %s; fi", to, to, to, c.port, to, c.port, to))
	fmt.Fprintf(f, "\nport = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\nfsync = off\nshared_buffers = 16MB\nmin_wal_size = 2MB\nmax_wal_size = 64MB\narchive_mode = on\narchive_command = '%s'\n",
		c.port, c.l.dir, archive)
}

// replica starts one that follows.
func (c *cluster) replica(name string) *cluster {
	c.l.t.Helper()
	r := &cluster{l: c.l, name: name, port: freePort(c.l.t), data: filepath.Join(c.l.dir, name)}
	c.l.run("pg_basebackup", "-h", "127.0.0.1", "-p", c.port, "-U", "runbook", "-D", r.data, "-R", "-X", "stream", "-c", "fast")
	r.configure()
	r.start()
	c.await("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()", "1")
	return r
}

func (c *cluster) start() {
	c.l.t.Helper()
	c.l.run("pg_ctl", "start", "-D", c.data, "-w", "-s", "-t", "60", "-l", filepath.Join(c.l.dir, c.name+".log"))
	c.l.t.Cleanup(c.kill)
}

// kill ends the server as a crash does.
func (c *cluster) kill() {
	pid, err := os.ReadFile(filepath.Join(c.data, "postmaster.pid"))
	if err != nil {
		return
	}
	if n, err := strconv.Atoi(strings.SplitN(string(pid), "\n", 2)[0]); err == nil && n > 1 {
		_ = syscall.Kill(n, syscall.SIGQUIT)
		for deadline := time.Now().Add(waiting); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n))
			if err != nil || strings.Contains(string(stat), ") Z ") {
				return
			}
		}
	}
}

func (c *cluster) psql(text string) (string, error) {
	cmd := exec.Command(filepath.Join(c.l.bin, "psql"), "-h", "127.0.0.1", "-p", c.port, "-U", "runbook", "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PGPASSWORD="+secret)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// do runs statements as another program does, and returns the last value.
func (c *cluster) do(text string) string {
	c.l.t.Helper()
	out, err := c.psql(text)
	if err != nil {
		c.l.t.Fatalf("%s: %v: %s", text, err, out)
	}
	return out
}

// await waits until a statement says so.
func (c *cluster) await(text, want string) {
	c.l.t.Helper()
	for deadline := time.Now().Add(waiting); ; time.Sleep(20 * time.Millisecond) {
		out, err := c.psql(text)
		if err == nil && out == want {
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(c.l.dir, c.name+".log"))
			c.l.t.Fatalf("%s says %s (%v), not %s\n%s", text, out, err, want, log)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// config names clusters as nodes.
func (l *lab) config(nodes ...*cluster) obj {
	named := obj{}
	for _, c := range nodes {
		named[c.name] = obj{"address": "127.0.0.1:" + c.port, "data": c.data}
	}
	out := obj{"nodes": named, "user": "runbook", "database": "postgres", "password": secret, "timeout": "3s", "bin": l.bin,
		"backups": filepath.Join(l.dir, "backups"), "copies": filepath.Join(l.dir, "copies"), "wal": filepath.Join(l.dir, "wal"), "options": obj{"fsync": "off"}}
	if l.user != "" {
		out["run_as"] = l.user
	}
	return out
}

func backend(t *testing.T, c obj) *Backend {
	t.Helper()
	return plugintest.Configured(t, New(), c)
}

var request, must = databasetest.Request, databasetest.Must

func fails(t *testing.T, b *Backend, op string, args obj, code effect.Code, says string) {
	t.Helper()
	if e := databasetest.Fails(t, b, op, args, code, says); e != nil && strings.Contains(e.Message+e.Hint, secret) {
		t.Errorf("the password is shown: %v", e)
	}
}

// migrations returns the configuration of a team's own migrations, three of
// them, each a transaction.
func migrations(t *testing.T) obj {
	t.Helper()
	script := filepath.Join(t.TempDir(), "migrate")
	text := `#!/bin/sh
set -e
q() { psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
PATH="` + programs(t) + `:$PATH"
q "CREATE TABLE IF NOT EXISTS schema_versions (version int PRIMARY KEY)" 2>/dev/null
at=$(q "SELECT coalesce(max(version), 0) FROM schema_versions")
to=${RUNBOOK_TO:-3}
[ "$to" -le 3 ] || { echo "there is no migration to $to"; exit 3; }
while [ "$at" -lt "$to" ]; do at=$((at + 1)); q "BEGIN; CREATE TABLE v$at (x int); INSERT INTO schema_versions VALUES ($at); COMMIT"; done
while [ "$at" -gt "$to" ]; do q "BEGIN; DROP TABLE v$at; DELETE FROM schema_versions WHERE version = $at; COMMIT"; at=$((at - 1)); done
`
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return obj{"command": []any{script}, "versions": "SELECT version FROM schema_versions"}
}

func TestMain(m *testing.M) {
	code := plugintest.Main(m, New(), NewPgBackRest())
	if template.dir != "" {
		_ = os.RemoveAll(template.dir)
	}
	os.Exit(code)
}

func testedOn(t *testing.T) plugintest.System {
	t.Helper()
	return plugintest.Program(t, "PostgreSQL", filepath.Join(programs(t), "postgres"), "--version")
}
