// Package remotetest starts hosts for tests: sshd on loopback, with keys that
// open them.
package remotetest

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
	"testing"
	"time"
)

// patience bounds the waits for conditions.
const patience = time.Minute

// Host is Debian's sshd on loopback, which stands for one host.
type Host struct {
	Name, Addr string
	Port       int
	Dir        string // "home" is its own, "units" those of its systemctl
	Cmd        *exec.Cmd
}

// Lab is a few hosts with the keys that open them.
type Lab struct {
	Dir, User, Key, Known string
	Hosts                 map[string]*Host
}

// standIn is no systemd: it is a program of the tests, found in the sessions'
// PATH as systemctl, that keeps units as files and answers as systemctl does.
const standIn = `#!/bin/sh
units=$STANDIN_UNITS
verb=$1; shift
for unit; do :; done
f=$units/$unit
field() { sed -n "s/^$1=//p" "$f"; }
save() { # STATE SUB INVOCATION SINCE
  printf 'ActiveState=%s\nSubState=%s\nInvocationID=%s\nActiveEnterTimestamp=%s\n' "$1" "$2" "$3" "$4" >"$f.new" && mv "$f.new" "$f"
}
up() { echo "$verb $unit" >>"$units/log"; if [ -e "$f.broken" ]; then rm "$f.broken"; save failed failed "$(id)" ""; echo "Job for $unit failed." >&2; exit 1; fi; save active running "$(id)" "$(LC_ALL=C TZ=UTC date '+%a %Y-%m-%d %H:%M:%S UTC')"; }
id() { cat /proc/sys/kernel/random/uuid | tr -d -; }
case $verb in
show)
  if [ ! -e "$f" ]; then printf 'LoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0\nNRestarts=0\nJob=0\n'; exit 0; fi
  cat "$f"; pid=0; [ "$(field ActiveState)" = active ] && pid=4711
  printf 'LoadState=loaded\nMainPID=%s\nNRestarts=0\nJob=0\nResult=success\nType=simple\n' "$pid";;
start) [ "$(field ActiveState)" = active ] || up;;
restart) while [ -e "$f.slow" ]; do sleep 0.05; done; up;;
reload)
  while [ -e "$f.slow" ]; do sleep 0.05; done
  if [ "$(field ActiveState)" != active ]; then echo "$unit is not active, cannot reload." >&2; exit 1; fi
  if [ -e "$f.broken" ]; then rm "$f.broken"; echo "Job for $unit failed." >&2; exit 1; fi
  echo "reload $unit" >>"$units/log";;
stop) [ "$(field ActiveState)" = active ] && { echo "stop $unit" >>"$units/log"; save inactive dead "" ""; }; exit 0;;
*) echo "the stand-in for systemctl does not know $verb" >&2; exit 1;;
esac
`

// sshdPath finds Debian's sshd, or skips the test.
func sshdPath(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
		t.Fatal("sshd is not installed, and RUNBOOK_REQUIRE_SERVERS=1 asks for it")
	}
	t.Skip("skipped: sshd is not installed: apt-get install openssh-server")
	return ""
}

// Start starts hosts of these names.
func Start(t *testing.T, names ...string) *Lab {
	t.Helper()
	sshdPath(t)
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "rb-ssh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l := &Lab{Dir: dir, User: u.Username, Key: filepath.Join(dir, "id"), Known: filepath.Join(dir, "known_hosts"), Hosts: map[string]*Host{}}
	Keygen(t, "-f", l.Key)
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "bin", "systemctl"), standIn, 0o755)
	write(t, filepath.Join(dir, "authorized"), read(t, l.Key+".pub"), 0o644)
	write(t, l.Known, "", 0o644)
	for _, name := range names {
		h := &Host{Name: name, Dir: filepath.Join(dir, name)}
		for _, sub := range []string{"home", "units", "state"} {
			if err := os.MkdirAll(filepath.Join(h.Dir, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		Keygen(t, "-f", filepath.Join(h.Dir, "host"))
		l.Hosts[name] = h
		l.StartHost(t, h, "")
		l.Know(t, h, filepath.Join(h.Dir, "host.pub"))
	}
	return l
}

// Keygen runs ssh-keygen for a key, or what its arguments say.
func Keygen(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", append([]string{"-q", "-t", "ed25519", "-N", ""}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
}

// StartHost runs a host's sshd; of its configuration more counts first.
func (l *Lab) StartHost(t *testing.T, h *Host, more string) {
	t.Helper()
	if os.Getuid() == 0 { // then, and only then, sshd wants a directory to be confined to
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if h.Port == 0 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		h.Port = listener.Addr().(*net.TCPAddr).Port
		_ = listener.Close()
	}
	h.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(h.Port))
	config := filepath.Join(h.Dir, "sshd_config")
	write(t, config, fmt.Sprintf(`%s
Port %d
ListenAddress 127.0.0.1
HostKey %s/host
AuthorizedKeysFile %s/authorized
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxSessions 20
MaxStartups 100
SetEnv PATH=%s/bin:/usr/local/bin:/usr/bin:/bin STANDIN_UNITS=%s/units HOME=%s/home
`, more, h.Port, h.Dir, l.Dir, l.Dir, h.Dir, h.Dir), 0o600)
	log, err := os.Create(filepath.Join(h.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	h.Cmd = exec.Command(sshdPath(t), "-D", "-e", "-f", config)
	h.Cmd.Stdout, h.Cmd.Stderr = log, log
	h.Cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := h.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := h.Cmd
	t.Cleanup(func() { h.Stop(cmd) })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("sshd of %s at %s:\n%s", h.Name, h.Addr, read(t, filepath.Join(h.Dir, "log")))
		}
	})
	until(t, "sshd of "+h.Name, func() bool {
		conn, err := net.Dial("tcp", h.Addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// Stop ends a host's sshd with its connections, and returns when nothing listens
// there any more.
func (h *Host) Stop(cmd *exec.Cmd) {
	h.Cut()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	h.Cut()
	// A child that was just made holds the socket, too, until it is gone.
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", h.Addr)
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

// Cut kills the processes that serve connections, by their ids: what runs below
// them goes on.
func (h *Host) Cut() {
	for _, pid := range Children(h.Cmd.Process.Pid) {
		for _, inner := range Children(pid) { // of a privileged sshd, that of the user
			if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", inner)); strings.HasPrefix(string(comm), "sshd") {
				_ = syscall.Kill(inner, syscall.SIGKILL)
			}
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Children returns the processes that a process has started.
func Children(pid int) []int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var pids []int
	for _, word := range strings.Fields(string(data)) {
		n, _ := strconv.Atoi(word)
		pids = append(pids, n)
	}
	return pids
}

// Know adds a host's key to known_hosts.
func (l *Lab) Know(t *testing.T, h *Host, file string) {
	t.Helper()
	key := strings.Fields(read(t, file))
	write(t, l.Known, read(t, l.Known)+fmt.Sprintf("[127.0.0.1]:%d %s %s\n", h.Port, key[0], key[1]), 0o644)
}

// Config returns a configuration that reaches all hosts; web-1 is in web.
func (l *Lab) Config(more map[string]any) map[string]any {
	hosts := map[string]any{}
	for name, h := range l.Hosts {
		group, _, _ := strings.Cut(name, "-")
		hosts[name] = map[string]any{"address": "127.0.0.1", "port": float64(h.Port), "groups": []any{group}, "labels": map[string]any{"name": name}, "state": filepath.Join(h.Dir, "state")}
	}
	c := map[string]any{"hosts": hosts, "keys": []any{l.Key}, "known_hosts": []any{l.Known}, "user": l.User, "agent": "", "reconnect": "0s"}
	for k, v := range more {
		c[k] = v
	}
	return c
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
