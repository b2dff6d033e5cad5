package mariadb

import (
	"fmt"
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
const schema = `CREATE DATABASE app; USE app;
CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, item varchar(50) NOT NULL, paid boolean) ENGINE = InnoDB;
INSERT INTO orders (item, paid) VALUES ('apple', true), ('pear', false), ('plum', NULL);
CREATE USER runbook IDENTIFIED BY '` + secret + `'; GRANT ALL ON *.* TO runbook;`

// lab is a server of one test.
type lab struct {
	t    *testing.T
	dir  string
	user *syscall.Credential // whom servers run as; nil for us
	cmd  *exec.Cmd
	id   string
	more []string // of the server's settings
}

var template struct {
	sync.Once
	dir string
	err error // why there is none
}

// withoutAIO keeps servers from the kernel's queues for asynchronous reads and
// writes: how many of these there may be on a machine, and how much locked memory
// for them, is bounded, and many tests run at once.
const withoutAIO = "--innodb-use-native-aio=0"

// whom returns the user that servers run as: nobody else unless we are root.
func whom(t *testing.T) *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("mysql")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// temp makes a directory that servers can write, in memory where there is room:
// what they wait for most is the disk, and no test loses power.
func (l *lab) temp() string {
	where := "/dev/shm"
	if shared.Room(where, 4<<30, "the tests' servers") != nil || !shared.Exists(where) {
		where = "/tmp"
	}
	dir, err := os.MkdirTemp(where, "rb-mdbtest-")
	if err != nil {
		l.t.Fatal(err)
	}
	l.own(dir)
	return dir
}

func (l *lab) own(name string) {
	if l.user != nil {
		if err := os.Chown(name, int(l.user.Uid), int(l.user.Gid)); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lab) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir = append(os.Environ(), "LC_ALL=C"), "/"
	if l.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: l.user}
	}
	return cmd
}

// newLab starts a server with the tests' tables, which keeps a binary log.
func newLab(t *testing.T) *lab {
	t.Helper()
	l := newServer(t, "1", "--skip-networking")
	l.do(schema)
	return l
}

// newServer starts one that is empty.
func newServer(t *testing.T, id string, more ...string) *lab {
	t.Helper()
	if _, err := exec.LookPath("mariadb-install-db"); err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatal("MariaDB is not installed, and RUNBOOK_REQUIRE_SERVERS=1 asks for it")
		}
		t.Skip("skipped: MariaDB is not installed: apt-get install mariadb-server")
	}
	l := &lab{t: t, user: whom(t), id: id, more: more}
	template.Do(func() { // installing takes long
		template.dir = l.temp()
		out, err := l.command("mariadb-install-db", "--no-defaults", "--tmpdir="+template.dir, "--datadir="+template.dir+"/data", "--skip-test-db", "--skip-name-resolve",
			"--auth-root-authentication-method=normal", "--innodb-log-file-size=4M", withoutAIO).CombinedOutput()
		if err != nil {
			template.err = fmt.Errorf("mariadb-install-db: %v\n%s", err, out)
		}
	})
	if template.err != nil {
		t.Fatal(template.err)
	}
	l.dir = l.temp()
	t.Cleanup(func() { _ = os.RemoveAll(l.dir) })
	if out, err := l.command("cp", "-a", template.dir+"/data", l.dir+"/data").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l.start()
	return l
}

func (l *lab) start() {
	l.t.Helper()
	log, err := os.Create(filepath.Join(l.dir, "log"))
	if err != nil {
		l.t.Fatal(err)
	}
	defer log.Close()
	l.cmd = l.command("/usr/sbin/mariadbd", "--no-defaults", "--datadir="+l.dir+"/data", "--socket="+l.socket(), "--log-bin="+l.dir+"/data/bin", "--server-id="+l.id,
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M", withoutAIO, "--pid-file="+l.dir+"/pid",
		"--tmpdir="+l.dir) // a server that starts removes the temporary tables of others from a shared one
	l.cmd.Args = append(l.cmd.Args, l.more...)
	l.cmd.Stdout, l.cmd.Stderr = log, log
	if err := l.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	cmd := l.cmd
	l.t.Cleanup(func() {
		if l.t.Failed() {
			said, _ := os.ReadFile(log.Name())
			l.t.Logf("the server says: %s", said)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(waiting); ; time.Sleep(20 * time.Millisecond) {
		if _, err := l.client("SELECT 1"); err == nil {
			return
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log.Name())
			l.t.Fatalf("the server does not answer: %s", said)
		}
	}
}

// kill ends the server as a crash does.
func (l *lab) kill() {
	_ = l.cmd.Process.Kill()
	_ = l.cmd.Wait()
}

func (l *lab) socket() string { return l.dir + "/s" }

func (l *lab) client(text string) (string, error) {
	out, err := exec.Command("mariadb", "--no-defaults", "--socket="+l.socket(), "--user=root", "-N", "-B", "-e", text).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// do runs statements as another program does, and returns the last value.
func (l *lab) do(text string) string {
	l.t.Helper()
	out, err := l.client(text)
	if err != nil {
		l.t.Fatalf("%s: %v: %s", text, err, out)
	}
	return out[strings.LastIndex(out, "\n")+1:]
}

// pass waits until the server's clock shows another second than now, and
// returns it: the log has whole ones.
func (l *lab) pass() string {
	l.t.Helper()
	now := l.do("SELECT unix_timestamp()")
	for deadline := time.Now().Add(waiting); ; time.Sleep(20 * time.Millisecond) {
		if next := l.do("SELECT if(unix_timestamp() > " + now + ", date_format(utc_timestamp(), '%Y-%m-%dT%H:%i:%sZ'), '-')"); next != "-" {
			return next
		}
		if time.Now().After(deadline) {
			l.t.Fatal("the clock stands still")
		}
	}
}

func (l *lab) config() obj {
	out := obj{"address": l.socket(), "user": "runbook", "password": secret, "database": "app", "timeout": "3s", "data": l.dir + "/data", "binlogs": l.dir + "/data",
		"backups": l.dir + "/backups", "copies": l.dir + "/copies", "options": obj{"innodb-log-file-size": "4M", "innodb-flush-method": "nosync", "innodb-use-native-aio": "0"}}
	return out
}

// migrations returns the configuration of a team's own migrations, three of
// them, which may be repeated where they ended half way.
func migrations(t *testing.T) obj {
	t.Helper()
	script := filepath.Join(t.TempDir(), "migrate")
	const text = `#!/bin/sh
set -e
q() { mariadb --no-defaults -N -B --user="$MYSQL_USER" --database="$MYSQL_DATABASE" -e "$1"; }
q "CREATE TABLE IF NOT EXISTS schema_versions (version int PRIMARY KEY) ENGINE = InnoDB"
at=$(q "SELECT coalesce(max(version), 0) FROM schema_versions")
to=${RUNBOOK_TO:-3}
[ "$to" -le 3 ] || { echo "there is no migration to $to"; exit 3; }
while [ "$at" -lt "$to" ]; do at=$((at + 1)); q "CREATE TABLE IF NOT EXISTS v$at (x int); INSERT INTO schema_versions VALUES ($at)"; done
while [ "$at" -gt "$to" ]; do q "DROP TABLE IF EXISTS v$at; DELETE FROM schema_versions WHERE version = $at"; at=$((at - 1)); done
`
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return obj{"command": []any{script}, "versions": "SELECT version FROM schema_versions"}
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

func count(t *testing.T, b *Backend, copy string) string {
	t.Helper()
	return fmt.Sprint(must(t, b, "query", obj{"sql": "SELECT count(*) AS n FROM orders", "copy": copy})["rows"].([]any)[0].(obj)["n"])
}

func TestMain(m *testing.M) {
	code := plugintest.Main(m, New())
	if template.dir != "" {
		_ = os.RemoveAll(template.dir)
	}
	os.Exit(code)
}

func testedOn(t *testing.T) plugintest.System {
	t.Helper()
	return plugintest.Program(t, "MariaDB", "/usr/sbin/mariadbd", "--version")
}
