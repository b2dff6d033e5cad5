package systems

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// postgresUser owns the databases, and comes in from this machine alone.
const postgresUser = "runbook"

// Postgres is a primary and a streaming replica, whose log is archived.
type Postgres struct {
	// Dir holds the data of both, wal, backups and copies. PostgreSQL's user has to
	// get there, and owns it then.
	Dir string
	// Names are those of the primary and its replica; db-a and db-b if left out.
	Names [2]string
	// Password is what that user needs; without it everybody on this machine is let
	// in, who can then run programs as the user that the servers run as.
	Password string
	// StartNode and HaltNode are the commands that start and stop a node; without
	// them the backend uses pg_ctl.
	StartNode, HaltNode func(node string) []string

	addrs map[string]string
	bin   string
	as    *account
	nodes
}

// postgresBin finds where PostgreSQL's programs are: Debian keeps those of
// servers out of PATH.
func postgresBin() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return postgresMajor(a) - postgresMajor(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path := program("initdb"); path != "" {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		return filepath.Dir(path)
	}
	return ""
}

// postgresMajor returns the version of /usr/lib/postgresql/15/bin/initdb.
func postgresMajor(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// Missing implements System.
func (p *Postgres) Missing() *Missing {
	if p.bin = postgresBin(); p.bin == "" {
		return &Missing{"PostgreSQL is not installed", "apt-get install postgresql"}
	}
	var missing *Missing
	p.as, missing = unprivileged("postgres", "nobody")
	return missing
}

// Nodes implements Breakable.
func (p *Postgres) Nodes() []string {
	if p.Names[0] == "" {
		return []string{"db-a", "db-b"}
	}
	return p.Names[:]
}

// Data returns the data directory of a node.
func (p *Postgres) Data(node string) string { return filepath.Join(p.Dir, node) }

func (p *Postgres) path(name string) string { return filepath.Join(p.Dir, name) }

// Addr returns where a node listens.
func (p *Postgres) Addr(node string) string { return p.addrs[node] }

// Bin returns where PostgreSQL's programs are.
func (p *Postgres) Bin() string { return p.bin }

// RunAs returns the user that the servers run as; "" for whoever we are.
func (p *Postgres) RunAs() string {
	if p.as == nil {
		return ""
	}
	return p.as.name
}

// Start implements System.
func (p *Postgres) Start(ctx context.Context) error {
	if missing := p.Missing(); missing != nil {
		return errors.New(missing.String())
	}
	if err := p.as.mkdir(p.Dir, filepath.Join(p.Dir, "wal")); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	p.addrs = map[string]string{}
	primary, replica := p.Nodes()[0], p.Nodes()[1]
	for _, node := range p.Nodes() {
		addr, err := freeAddr()
		if err != nil {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
		p.addrs[node] = addr
	}
	auth := []string{"--auth", "trust"}
	if p.Password != "" {
		auth = []string{"--auth", "scram-sha-256", "--pwfile", p.path("password")}
		for name, text := range map[string]string{"password": p.Password, "pgpass": "*:*:*:" + postgresUser + ":" + p.Password} {
			if err := p.as.write(p.path(name), text+"\n"); err != nil {
				return fmt.Errorf("start PostgreSQL: %w", err)
			}
		}
	}
	if err := run(ctx, p.as, append([]string{filepath.Join(p.bin, "initdb"), "-D", p.Data(primary), "-U", postgresUser,
		"-E", "UTF8", "--locale", "C", "--no-sync", "--data-checksums"}, auth...)...); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := p.configure(primary); err != nil {
		return err
	}
	if err := p.Revive(ctx, primary); err != nil {
		return err
	}
	if err := p.follow(ctx, replica, primary); err != nil {
		return err
	}
	return p.Revive(ctx, replica)
}

// configure ends a node's postgresql.conf, of which the last line counts. A
// standby that is promoted may archive a segment that the old primary has
// archived: the same file again is no failure.
func (p *Postgres) configure(node string) error {
	_, port, err := net.SplitHostPort(p.addrs[node])
	if err != nil {
		return fmt.Errorf("configure %s: %w", node, err)
	}
	f, err := os.OpenFile(filepath.Join(p.Data(node), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("configure %s: %w", node, err)
	}
	to := filepath.Join(p.Dir, "wal", "%f")
	_, err = fmt.Fprintf(f, `
port = %s
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
shared_buffers = 16MB
wal_retrieve_retry_interval = 200ms
archive_mode = on
archive_command = 'if test -f "%s"; then cmp -s %%p "%s"; else cp %%p "%s.%s" && mv "%s.%s" "%s"; fi'
`, port, to, to, to, port, to, port, to)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("configure %s: %w", node, err)
	}
	return nil
}

// follow makes a node a replica of another one, anew.
func (p *Postgres) follow(ctx context.Context, node, primary string) error {
	if err := os.RemoveAll(p.Data(node)); err != nil {
		return fmt.Errorf("make %s a replica: %w", node, err)
	}
	host, port, err := net.SplitHostPort(p.addrs[primary])
	if err != nil {
		return fmt.Errorf("make %s a replica: %w", node, err)
	}
	to := fmt.Sprintf("host=%s port=%s user=%s", host, port, postgresUser)
	if p.Password != "" {
		to += " passfile='" + p.path("pgpass") + "'"
	}
	if err := run(ctx, p.as, filepath.Join(p.bin, "pg_basebackup"), "-d", to,
		"-D", p.Data(node), "-R", "-X", "stream", "-c", "fast", "--no-sync"); err != nil {
		return fmt.Errorf("make %s a replica of %s: %w", node, primary, err)
	}
	return p.configure(node)
}

// Revive implements Breakable. A node that was replaced while it was down comes
// back as a replica of the one that has taken its place: its data is made anew.
func (p *Postgres) Revive(ctx context.Context, node string) error {
	if err := noNode(p, node); err != nil || p.Alive(node) {
		return err
	}
	p.crash(node) // whoever else may have started it
	for _, other := range p.Nodes() {
		if other == node || !p.Alive(other) || p.standby(other) || p.standby(node) {
			continue
		}
		if err := p.follow(ctx, node, other); err != nil {
			return err
		}
	}
	log := filepath.Join(p.Dir, node+".log")
	proc, err := launch("PostgreSQL ("+node+")", log, syscall.SIGQUIT, p.as, filepath.Join(p.bin, "postgres"), "-D", p.Data(node))
	if err != nil {
		return err
	}
	p.set(node, proc)
	return proc.await(ctx, func() bool {
		pid, status := p.postmaster(node)
		return pid == proc.cmd.Process.Pid && status == "ready"
	})
}

// standby reports whether a node's data is that of a replica.
func (p *Postgres) standby(node string) bool {
	_, err := os.Stat(filepath.Join(p.Data(node), "standby.signal"))
	return err == nil
}

// postmaster reads the process of a node's server, and how far that is, from
// the file that it keeps for pg_ctl.
func (p *Postgres) postmaster(node string) (pid int, status string) {
	text, err := os.ReadFile(filepath.Join(p.Data(node), "postmaster.pid"))
	if err != nil {
		return 0, ""
	}
	lines := strings.Split(string(text), "\n")
	if pid, err = strconv.Atoi(strings.TrimSpace(lines[0])); err != nil || pid <= 1 {
		return 0, ""
	}
	if len(lines) > 7 {
		status = strings.TrimSpace(lines[7])
	}
	return pid, status
}

// Alive implements Breakable. The server may be one that pg_ctl has started.
func (p *Postgres) Alive(node string) bool {
	if p.nodes.Alive(node) {
		return true
	}
	pid, _ := p.postmaster(node)
	return p.serves(pid, node)
}

// serves reports whether a process is the server of a node's data: the file
// that names it outlives a server that was killed, and its number may be
// somebody else's by now.
func (p *Postgres) serves(pid int, node string) bool {
	if pid == 0 || syscall.Kill(pid, 0) != nil {
		return false
	}
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && strings.Contains(string(line), p.Data(node))
}

// crash ends a node's server at once, whoever has started it.
func (p *Postgres) crash(node string) {
	if own := p.get(node); own.alive() {
		own.end(context.Background(), syscall.SIGQUIT) // an immediate shutdown takes its children along
	}
	if pid, _ := p.postmaster(node); p.serves(pid, node) {
		_ = syscall.Kill(pid, syscall.SIGQUIT)
		await(func() bool { return !p.serves(pid, node) })
	}
}

// Kill implements Breakable.
func (p *Postgres) Kill(node string) error {
	if err := noNode(p, node); err != nil {
		return err
	}
	p.crash(node)
	return nil
}

// Halt implements Breakable.
func (p *Postgres) Halt(ctx context.Context, node string) error {
	if err := noNode(p, node); err != nil || !p.Alive(node) {
		return err
	}
	err := run(ctx, p.as, filepath.Join(p.bin, "pg_ctl"), "stop", "-D", p.Data(node), "-m", "fast", "-w", "-s")
	if err != nil {
		return fmt.Errorf("stop %s: %w", node, err)
	}
	if own := p.get(node); own != nil {
		<-own.done
	}
	return nil
}

// Stop implements System.
func (p *Postgres) Stop() {
	for _, node := range p.Nodes() {
		p.crash(node)
	}
}

// Log returns what a node says.
func (p *Postgres) Log(node string) string { return filepath.Join(p.Dir, node+".log") }

// Describe implements System.
func (p *Postgres) Describe() Description {
	named, d := map[string]any{}, Description{}
	for _, node := range p.Nodes() {
		one := map[string]any{"address": p.addrs[node], "data": p.Data(node)}
		if p.StartNode != nil && p.HaltNode != nil {
			one["start"], one["stop"] = p.StartNode(node), p.HaltNode(node)
		}
		named[node] = one
		role := "the primary"
		if p.standby(node) {
			role = "its replica"
		}
		d.Lines = append(d.Lines, Line{Name: node, Where: p.addrs[node], Note: "PostgreSQL, " + role})
	}
	settings := map[string]any{"nodes": named, "user": postgresUser, "database": "postgres", "bin": p.bin, "options": map[string]any{"fsync": "off"},
		"backups": filepath.Join(p.Dir, "backups"), "wal": filepath.Join(p.Dir, "wal"), "copies": filepath.Join(p.Dir, "copies")}
	if p.as != nil {
		settings["run_as"] = p.as.name
	}
	if p.Password != "" {
		const secret = "lab.secrets/postgres"
		settings["password"], d.Secrets = "file:"+secret, map[string]string{secret: p.Password}
	}
	d.Entries = []Entry{{Module: "db", Backend: "postgres", Settings: settings}}
	return d
}
