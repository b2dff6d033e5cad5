package systems_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/examples/lab/systems"
)

// start starts a system until the test ends, or skips the test.
func start(t *testing.T, s systems.System) {
	t.Helper()
	if missing := s.Missing(); missing != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatalf("%s, and RUNBOOK_REQUIRE_SERVERS=1 asks for it", missing)
		}
		t.Skipf("skipped: %s", missing)
	}
	t.Cleanup(s.Stop)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// open makes a directory that every user can pass to; those of tests are closed.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "rb-systems-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// listens reports whether something takes connections.
func listens(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// addresses returns where the nodes listen.
func addresses(s systems.System) map[string]string {
	at := map[string]string{}
	for _, line := range s.Describe().Lines {
		at[line.Name] = line.Where
	}
	return at
}

// TestNodes kills, stops and starts each node of each system again.
func TestNodes(t *testing.T) {
	for name, one := range map[string]func(t *testing.T) systems.Breakable{
		"BIND": func(t *testing.T) systems.Breakable { return &systems.BIND{Dir: t.TempDir(), Resolver: true} },
		"Postgres": func(t *testing.T) systems.Breakable {
			return &systems.Postgres{Dir: open(t), Password: "as in the lab"}
		},
		"SSH": func(t *testing.T) systems.Breakable {
			return &systems.SSH{Dir: t.TempDir(), Hosts: []string{"web-1", "db-1"}}
		},
		"MariaDB":    func(t *testing.T) systems.Breakable { return &systems.MariaDB{Dir: open(t), Password: "as in the lab"} },
		"Monitoring": func(t *testing.T) systems.Breakable { return &systems.Monitoring{Dir: t.TempDir()} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := one(t)
			start(t, s)
			at := addresses(s)
			for name, where := range at {
				at[name] = strings.TrimPrefix(where, "http://")
			}
			holds := func(node string, up bool, after string) {
				t.Helper()
				if s.Alive(node) != up || listens(at[node]) != up {
					t.Fatalf("%s after %s: alive %t, listens %t; want %t", node, after, s.Alive(node), listens(at[node]), up)
				}
			}
			for _, node := range s.Nodes() {
				holds(node, true, "the start")
				for what, end := range map[string]func() error{
					"Kill": func() error { return s.Kill(node) },
					"Halt": func() error { return s.Halt(t.Context(), node) },
				} {
					for range 2 { // the second time, nothing happens
						if err := end(); err != nil {
							t.Fatalf("%s %s: %v", what, node, err)
						}
						holds(node, false, what)
					}
					for range 2 {
						if err := s.Revive(t.Context(), node); err != nil {
							t.Fatal(err)
						}
						holds(node, true, "Revive")
					}
				}
			}
			for _, err := range []error{s.Kill("nobody"), s.Halt(t.Context(), "nobody"), s.Revive(t.Context(), "nobody")} {
				if err == nil || !strings.Contains(err.Error(), s.Nodes()[0]) {
					t.Errorf("a node that there is not: %v", err)
				}
			}
			s.Stop()
			s.Stop()
			for _, node := range s.Nodes() {
				holds(node, false, "Stop")
			}
		})
	}
}

// TestStartFails says what the server said, and leaves nothing.
func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	s := &systems.BIND{Dir: dir}
	if s.Missing() != nil {
		t.Skip("skipped: named is not installed: apt-get install bind9")
	}
	start(t, s)
	s.Stop()
	config := filepath.Join(dir, "dns", "named.conf")
	if err := os.WriteFile(config, []byte("options { nonsense; };\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := s.Revive(t.Context(), "dns")
	if err == nil || !strings.Contains(err.Error(), "it has ended") || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("%v", err)
	}
	if s.Alive("dns") {
		t.Error("it runs")
	}
}

// TestStartEndsWithItsContext leaves nothing behind either.
func TestStartEndsWithItsContext(t *testing.T) {
	s := &systems.SSH{Dir: t.TempDir(), Hosts: []string{"web-1"}}
	if s.Missing() != nil {
		t.Skip("skipped: sshd is not installed: apt-get install openssh-server")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	t.Cleanup(s.Stop)
	if err := s.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if s.Alive("web-1") {
		t.Error("it runs")
	}
}

// TestSSHInAnyDirectory: a directory's name may hold what means something to sshd.
func TestSSHInAnyDirectory(t *testing.T) {
	s := &systems.SSH{Dir: filepath.Join(t.TempDir(), `on call's "50%" #1 \ lab`), Hosts: []string{"web-1"}}
	if s.Missing() != nil {
		t.Skip("skipped: sshd is not installed: apt-get install openssh-server")
	}
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("skipped: ssh is not installed: apt-get install openssh-client")
	}
	start(t, s)
	_, port, err := net.SplitHostPort(s.Describe().Lines[0].Where)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), ssh, "-F", "none", "-i", "id", "-p", port, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
		"-o", "UserKnownHostsFile=known_hosts", "-o", "StrictHostKeyChecking=yes", "127.0.0.1", `printf %s "$HOME"`)
	cmd.Dir = s.Dir
	out, err := cmd.CombinedOutput()
	if want := filepath.Join(s.Dir, "web-1", "home"); err != nil || string(out) != want {
		t.Errorf("%v, %s; want %s", err, out, want)
	}
}

// TestPager calls somebody who takes it on, once.
func TestPager(t *testing.T) {
	p := &systems.Pager{}
	start(t, p)
	if n := p.Acknowledge("ana"); n != 0 || len(p.Pages()) != 0 {
		t.Errorf("%d pages before the first, %v", n, p.Pages())
	}
	d := p.Describe()
	if len(d.Entries) != 1 || d.Entries[0].Module != "notify" || len(d.Secrets) != 3 {
		t.Errorf("%+v", d)
	}
}

// TestStatusPage begins without incidents, and its token is a secret.
func TestStatusPage(t *testing.T) {
	p := &systems.StatusPage{Token: "as in the lab"}
	start(t, p)
	d := p.Describe()
	if len(d.Entries) != 1 || d.Entries[0].Module != "notify" || len(d.Secrets) != 1 || len(p.Incidents()) != 0 {
		t.Errorf("%+v, %v", d, p.Incidents())
	}
}

// TestPostgresAsksForAPassword: who is on this machine is not let in for that.
func TestPostgresAsksForAPassword(t *testing.T) {
	p := &systems.Postgres{Dir: open(t), Password: "as in the lab"}
	start(t, p)
	for _, node := range p.Nodes() {
		host, port, err := net.SplitHostPort(p.Addr(node))
		if err != nil {
			t.Fatal(err)
		}
		ask := func(password string) (string, error) {
			cmd := exec.Command(filepath.Join(p.Bin(), "psql"), "-w", "-h", host, "-p", port, "-U", "runbook", "-d", "postgres", "-XAtc", "SELECT 'let in'")
			cmd.Env = append(os.Environ(), "LC_ALL=C", "PGPASSFILE=/dev/null", "PGPASSWORD="+password)
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		if out, err := ask("as in the lab"); err != nil || out != "let in\n" {
			t.Errorf("%s: %v, %s", node, err, out)
		}
		for _, wrong := range []string{"", "guessed"} {
			if out, err := ask(wrong); err == nil {
				t.Errorf("%s lets in by the password %q: %s", node, wrong, out)
			}
		}
	}
}

// TestMariaDBAsksForAPassword: who is on this machine is not let in for that, and
// what was to be read once, which holds the password, is gone.
func TestMariaDBAsksForAPassword(t *testing.T) {
	m := &systems.MariaDB{Dir: open(t), Password: `as 'in' the \ lab`}
	start(t, m)
	host, port, err := net.SplitHostPort(m.Describe().Lines[0].Where)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(user, password string) (string, error) {
		cmd := exec.Command("mariadb", "--no-defaults", "-h", host, "-P", port, "-u", user, "-NBe", "SELECT count(*) FROM shop.orders")
		cmd.Env = append(os.Environ(), "LC_ALL=C", "MYSQL_PWD="+password)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := ask("runbook", m.Password); err != nil || out != "3\n" {
		t.Errorf("%v, %s", err, out)
	}
	for _, who := range [][2]string{{"runbook", ""}, {"runbook", "guessed"}, {"root", ""}, {"mysql", ""}, {"nobody", ""}} {
		if out, err := ask(who[0], who[1]); err == nil {
			t.Errorf("%q is let in: %s", who, out)
		}
	}
	if _, err := os.Stat(filepath.Join(m.Dir, "first.sql")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
