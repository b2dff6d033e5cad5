package systems

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	mariaNode = "mariadb"
	mariaUser = "runbook"
	mariaName = "shop"
)

// shop is what the database begins with: MariaDB commits CREATE TABLE by itself,
// so that db.exec, which is one transaction, makes none.
const shop = `CREATE TABLE shop.orders (id int AUTO_INCREMENT PRIMARY KEY, item varchar(50) NOT NULL) ENGINE = InnoDB;
INSERT INTO shop.orders (item) VALUES ('apple'), ('pear'), ('plum');
`

// mariaOptions are those of the server and of those of copies: little is written, and
// nothing waits for the disk, as it need not outlive the lab. Of the kernel's queues
// for asynchronous reads and writes a machine has few.
func mariaOptions() map[string]string {
	return map[string]string{"innodb-log-file-size": "4M", "innodb-flush-method": "nosync", "innodb-use-native-aio": "0"}
}

// MariaDB is a server that keeps a binary log, with directories for backups and
// for copies beside its data.
type MariaDB struct {
	// Dir holds the data, the log, temporary files, backups and copies. MariaDB's user has to get
	// there, and owns it then.
	Dir string
	// Password is what its one user needs.
	Password string
	// Environment names where it carries db, beside another database.
	Environment string

	addr string
	as   *account
	nodes
}

// Missing implements System.
func (m *MariaDB) Missing() *Missing {
	for _, name := range []string{"mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump", "mariadb-binlog"} {
		if program(name) == "" {
			return &Missing{name + " is not installed", "apt-get install mariadb-server"}
		}
	}
	var missing *Missing
	m.as, missing = unprivileged("mysql", "nobody")
	return missing
}

// Nodes implements Breakable.
func (m *MariaDB) Nodes() []string { return []string{mariaNode} }

// Start implements System.
func (m *MariaDB) Start(ctx context.Context) error {
	if missing := m.Missing(); missing != nil {
		return errors.New(missing.String())
	}
	if err := m.as.mkdir(m.Dir, m.path("binlogs"), m.path("tmp")); err != nil {
		return fmt.Errorf("start MariaDB: %w", err)
	}
	var err error
	if m.addr, err = freeAddr(); err != nil {
		return fmt.Errorf("start MariaDB: %w", err)
	}
	if err := run(ctx, m.as, m.command("mariadb-install-db", "--skip-test-db")...); err != nil {
		return fmt.Errorf("start MariaDB: %w", err)
	}
	// One statement a line: the server reads them before it lets anybody in.
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(m.Password)
	first := fmt.Sprintf("CREATE DATABASE %s;\nCREATE USER %s@'127.0.0.1' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO %s@'127.0.0.1';\n%s",
		mariaName, mariaUser, quoted, mariaUser, shop)
	if err := m.as.write(m.path("first.sql"), first); err != nil {
		return fmt.Errorf("start MariaDB: %w", err)
	}
	defer os.Remove(m.path("first.sql"))
	return m.serve(ctx, "--init-file="+m.path("first.sql"))
}

func (m *MariaDB) path(name string) string { return filepath.Join(m.Dir, name) }

// command returns a command of a program that works on the data.
func (m *MariaDB) command(name string, more ...string) []string {
	argv := []string{program(name), "--no-defaults", "--datadir=" + m.path("data"), "--tmpdir=" + m.path("tmp"), "--skip-name-resolve"}
	for option, value := range mariaOptions() {
		argv = append(argv, "--"+option+"="+value)
	}
	return append(argv, more...)
}

// serve starts the server. It has no socket: the password is the only way in.
func (m *MariaDB) serve(ctx context.Context, more ...string) error {
	_, port, err := net.SplitHostPort(m.addr)
	if err != nil {
		return fmt.Errorf("start MariaDB: %w", err)
	}
	argv := m.command("mariadbd", append(more, "--bind-address=127.0.0.1", "--port="+port, "--socket=", "--pid-file="+m.path("pid"),
		"--log-bin="+filepath.Join(m.path("binlogs"), "bin"), "--server-id=1", "--innodb-buffer-pool-size=16M")...)
	p, err := launch("MariaDB", m.path("log"), syscall.SIGKILL, m.as, argv...)
	if err != nil {
		return err
	}
	m.set(mariaNode, p)
	return p.await(ctx, func() bool { return greets(m.addr) })
}

// greets reports whether a server begins to speak as MariaDB does: it takes
// connections long before, and serves none of them.
func greets(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	packet := make([]byte, 5) // its length, its number, the version of the protocol
	_, err = io.ReadFull(conn, packet)
	return err == nil && packet[4] == 10
}

// Revive implements Breakable. A server that was killed recovers from its log.
func (m *MariaDB) Revive(ctx context.Context, node string) error {
	if err := noNode(m, node); err != nil || m.Alive(node) {
		return err
	}
	return m.serve(ctx)
}

// Kill implements Breakable.
func (m *MariaDB) Kill(node string) error { return m.kill(m, node) }

// Halt implements Breakable.
func (m *MariaDB) Halt(ctx context.Context, node string) error { return m.halt(ctx, m, node) }

// Describe implements System.
func (m *MariaDB) Describe() Description {
	const secret = "lab.secrets/mariadb"
	note := "MariaDB"
	if m.Environment != "" {
		note += ": db, with --env " + m.Environment
	}
	settings := map[string]any{"address": m.addr, "user": mariaUser, "password": "file:" + secret, "database": mariaName, "data": m.path("data"),
		"binlogs": m.path("binlogs"), "backups": m.path("backups"), "copies": m.path("copies"), "options": mariaOptions()}
	if m.as != nil {
		settings["run_as"] = m.as.name
	}
	return Description{Lines: []Line{{Name: mariaNode, Where: m.addr, Note: note}}, Secrets: map[string]string{secret: m.Password},
		Entries: []Entry{{Module: "db", Backend: "mariadb", Environment: m.Environment, Settings: settings}}}
}

// Stop implements System.
func (m *MariaDB) Stop() { m.get(mariaNode).kill() }
