package vault

import (
	"context"
	"fmt"
	"net"
	"net/http"
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

	"github.com/jackc/pgx/v5"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// cluster is the PostgreSQL for which the servers of all tests issue credentials.
var cluster struct {
	sync.Once
	dir, address string
	stop         func()
}

func TestMain(m *testing.M) {
	code := plugintest.Main(m, New())
	if cluster.stop != nil {
		cluster.stop()
	}
	os.Exit(code)
}

// database is what one server issues credentials for.
type database struct {
	t       *testing.T
	address string
	prefix  string // of the users that it makes
}

var databases int

// database gives the server an engine at database/, with the roles app, whose
// credentials live for ten minutes and two hours at most, and brief, for whose five
// seconds nothing makes more.
func (s *server) database() *database {
	s.t.Helper()
	cluster.Do(func() { startCluster(s.t) })
	databases++
	d := &database{t: s.t, address: cluster.address, prefix: fmt.Sprintf("v%d-", databases)}
	s.order(http.MethodPost, "sys/mounts/database", obj{"type": "database"}, nil)
	s.order(http.MethodPost, "database/config/orders", obj{"plugin_name": "postgresql-database-plugin", "allowed_roles": "*",
		"connection_url": "postgresql://{{username}}:{{password}}@" + d.address + "/postgres?sslmode=disable", "username": "vault", "password": "of-the-tests",
		"username_template": d.prefix + `{{ random 16 }}`}, nil)
	makes := []string{`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`}
	s.order(http.MethodPost, "database/roles/app", obj{"db_name": "orders", "creation_statements": makes, "default_ttl": "10m", "max_ttl": "2h"}, nil)
	s.order(http.MethodPost, "database/roles/brief", obj{"db_name": "orders", "creation_statements": makes, "default_ttl": "2s", "max_ttl": "5s"}, nil)
	return d
}

// startCluster runs PostgreSQL; the test is skipped where it is not installed.
func startCluster(t *testing.T) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		t.Skip("skipped: PostgreSQL is not installed: apt-get install postgresql")
	}
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("", "rb-vaulttest-")
	if err != nil {
		t.Fatal(err)
	}
	var as *syscall.SysProcAttr
	if os.Geteuid() == 0 { // PostgreSQL does not run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("skipped: we are root, and there is no user postgres")
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = "/", as
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	data := filepath.Join(dir, "data")
	cluster.dir, cluster.address = dir, plugintest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(cluster.address)
	run("initdb", "-D", data, "-U", "vault", "--auth", "trust", "--no-sync", "--wal-segsize", "1")
	// Whoever has no password that is valid is refused, the tests themselves apart,
	// which come by the socket.
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte("local all vault trust\nhost all all 127.0.0.1/32 scram-sha-256\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster.stop = func() {
		cmd := exec.Command(filepath.Join(bin, "pg_ctl"), "stop", "-D", data, "-m", "immediate", "-s")
		cmd.Dir, cmd.SysProcAttr = "/", as
		_ = cmd.Run()
		_ = os.RemoveAll(dir)
	}
	run("pg_ctl", "start", "-D", data, "-w", "-s", "-l", filepath.Join(dir, "log"),
		"-o", "-c listen_addresses=127.0.0.1 -c port="+port+" -c unix_socket_directories="+dir+" -c fsync=off -c shared_buffers=16MB")
	run("psql", "-h", dir, "-p", port, "-U", "vault", "-d", "postgres", "-qc", "ALTER ROLE vault PASSWORD 'of-the-tests'")
}

// as runs a statement as a user, and returns the number that it gives.
func (d *database) as(name, password, statement string) (int, error) {
	d.t.Helper()
	host, port, _ := net.SplitHostPort(d.address)
	conn, err := pgx.Connect(d.t.Context(), fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=postgres sslmode=disable", host, port, name, password))
	if err != nil {
		return 0, err
	}
	defer conn.Close(d.t.Context())
	var n int
	return n, conn.QueryRow(d.t.Context(), statement).Scan(&n)
}

// order runs statements as an administrator.
func (d *database) order(statements string) {
	d.t.Helper()
	conn, err := pgx.Connect(context.Background(), "postgres://vault:of-the-tests@"+d.address+"/postgres?sslmode=disable")
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), statements, pgx.QueryExecModeSimpleProtocol); err != nil {
		d.t.Fatal(err)
	}
}

// users counts those that the server has made and not ended.
func (d *database) users() int {
	d.t.Helper()
	n, err := d.as("vault", "of-the-tests", "SELECT count(*) FROM pg_roles WHERE rolname LIKE '"+d.prefix+"%'")
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// settles reports whether so many users are there before long: a server ends by and
// by what it was told to end. More may come to be as many, fewer may not.
func (d *database) settles(want int) bool {
	for deadline := time.Now().Add(10 * time.Second); d.users() > want && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
	}
	return d.users() == want
}

// enters reports whether a credential opens the database.
func (d *database) enters(b *Backend, lease string) bool {
	d.t.Helper()
	name, password := must(d.t, b, "get", "", obj{"name": lease + "#username"})["value"].(string), must(d.t, b, "get", "", obj{"name": lease + "#password"})["value"].(string)
	if !strings.HasPrefix(name, d.prefix) {
		d.t.Errorf("the user is %s, want one of %s", name, d.prefix)
	}
	_, err := d.as(name, password, "SELECT 1")
	return err == nil
}
