package systems

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
)

// SSH is a few hosts: this machine, with an sshd for each, reached with a key
// that was made for them. A host has a home and records of its own, and shares
// everything else.
type SSH struct {
	Dir   string
	Hosts []string // "web-1" is in the group web
	addrs map[string]string
	nodes
}

// Missing implements System.
func (s *SSH) Missing() *Missing {
	if program("sshd") == "" || program("ssh-keygen") == "" {
		return &Missing{"sshd is not installed", "apt-get install openssh-server"}
	}
	return nil
}

// Nodes implements Breakable.
func (s *SSH) Nodes() []string { return s.Hosts }

// Start implements System. The directory gets the key that opens the hosts, id,
// their keys in known_hosts, and inventory.ini.
func (s *SSH) Start(ctx context.Context) error {
	me, err := user.Current()
	if err != nil {
		return fmt.Errorf("start sshd: %w", err)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("start sshd: %w", err)
	}
	if os.Getuid() == 0 { // then, and only then, sshd wants a directory to be confined to
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return fmt.Errorf("start sshd: %w", err)
		}
	}
	key, err := keygen(ctx, s.path("id"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("authorized"), []byte(key), 0o600); err != nil {
		return fmt.Errorf("start sshd: %w", err)
	}
	s.addrs = map[string]string{}
	var known, inventory strings.Builder
	for _, name := range s.Hosts {
		key, err := s.prepare(ctx, name)
		if err != nil {
			return err
		}
		_, port, _ := net.SplitHostPort(s.addrs[name])
		fields := strings.Fields(key)
		fmt.Fprintf(&known, "[127.0.0.1]:%s %s %s\n", port, fields[0], fields[1])
		group, _, _ := strings.Cut(name, "-")
		fmt.Fprintf(&inventory, "[%s]\n%s ansible_host=127.0.0.1 ansible_port=%s ansible_user=%s\n", group, name, port, me.Username)
	}
	for name, text := range map[string]string{"known_hosts": known.String(), "inventory.ini": inventory.String()} {
		if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("start sshd: %w", err)
		}
	}
	for _, name := range s.Hosts {
		if err := s.Revive(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *SSH) path(words ...string) string {
	return filepath.Join(append([]string{s.Dir}, words...)...)
}

// prepare makes a host's key, which it returns, and its configuration.
func (s *SSH) prepare(ctx context.Context, name string) (string, error) {
	home := s.path(name, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", fmt.Errorf("start sshd: %w", err)
	}
	key, err := keygen(ctx, s.path(name, "host"))
	if err != nil {
		return "", err
	}
	addr, err := freeAddr()
	if err != nil {
		return "", fmt.Errorf("start sshd: %w", err)
	}
	s.addrs[name] = addr
	_, port, _ := net.SplitHostPort(addr)
	text := fmt.Sprintf(`Port %s
ListenAddress 127.0.0.1
HostKey %s
AuthorizedKeysFile %s
PidFile %s
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv %s
`, port, sshdWord(s.path(name, "host")), sshdWord(strings.ReplaceAll(s.path("authorized"), "%", "%%")), sshdWord(s.path(name, "pid")), sshdWord("HOME="+home))
	if err := os.WriteFile(s.path(name, "sshd_config"), []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("start sshd: %w", err)
	}
	return key, nil
}

// sshdWord writes one word of sshd_config, whatever stands in it.
func sshdWord(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// keygen makes a key pair and returns the public one.
func keygen(ctx context.Context, file string) (string, error) {
	if err := run(ctx, nil, program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", file); err != nil {
		return "", fmt.Errorf("make a key for sshd: %w", err)
	}
	key, err := os.ReadFile(file + ".pub")
	if err != nil {
		return "", fmt.Errorf("make a key for sshd: %w", err)
	}
	return string(key), nil
}

// Revive implements Breakable.
func (s *SSH) Revive(ctx context.Context, node string) error {
	if err := noNode(s, node); err != nil || s.Alive(node) {
		return err
	}
	p, err := launch("sshd ("+node+")", s.path(node, "log"), syscall.SIGKILL, nil, program("sshd"), "-D", "-e", "-f", s.path(node, "sshd_config"))
	if err != nil {
		return err
	}
	s.set(node, p)
	return p.listening(ctx, s.addrs[node])
}

// Kill implements Breakable: connections break, what was started over them goes
// on.
func (s *SSH) Kill(node string) error {
	if err := noNode(s, node); err != nil {
		return err
	}
	p := s.get(node)
	if !p.alive() {
		return nil
	}
	sessions := children(p.cmd.Process.Pid)
	for _, pid := range sessions { // of a privileged sshd, that of the user is below
		sessions = append(sessions, children(pid)...)
	}
	p.kill()
	for _, pid := range sessions {
		if strings.HasPrefix(comm(pid), "sshd") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	await(func() bool { return !reachable(s.addrs[node]) }) // a child that was just made holds the socket, too
	return nil
}

// Halt implements Breakable.
func (s *SSH) Halt(_ context.Context, node string) error { return s.Kill(node) }

// Describe implements System.
func (s *SSH) Describe() Description {
	d := Description{Entries: []Entry{{Module: "hosts", Backend: "ssh", Settings: map[string]any{"inventory": s.path("inventory.ini"),
		"keys": []string{s.path("id")}, "known_hosts": []string{s.path("known_hosts")}, "agent": ""}}}}
	for _, name := range s.Hosts {
		d.Lines = append(d.Lines, Line{Name: name, Where: s.addrs[name], Note: "sshd on this machine"})
	}
	return d
}

// Stop implements System.
func (s *SSH) Stop() {
	for _, name := range s.Hosts {
		_ = s.Kill(name)
	}
}
