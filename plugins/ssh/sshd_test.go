package ssh

import (
	"context"
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

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

type obj = map[string]any

// patience bounds the waits for conditions.
const patience = time.Minute

// sshd is Debian's sshd on loopback, which stands for one host.
type sshd struct {
	name, addr string
	port       int
	dir        string // "home" is its own, "units" those of its systemctl
	cmd        *exec.Cmd
}

// lab is a few hosts with the keys that open them.
type lab struct {
	dir, user, key, known string
	hosts                 map[string]*sshd
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

// startLab starts hosts of these names.
func startLab(t *testing.T, names ...string) *lab {
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
	l := &lab{dir: dir, user: u.Username, key: filepath.Join(dir, "id"), known: filepath.Join(dir, "known_hosts"), hosts: map[string]*sshd{}}
	keygen(t, "-f", l.key)
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "bin", "systemctl"), standIn, 0o755)
	write(t, filepath.Join(dir, "authorized"), read(t, l.key+".pub"), 0o644)
	write(t, l.known, "", 0o644)
	for _, name := range names {
		h := &sshd{name: name, dir: filepath.Join(dir, name)}
		for _, sub := range []string{"home", "units", "state"} {
			if err := os.MkdirAll(filepath.Join(h.dir, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		keygen(t, "-f", filepath.Join(h.dir, "host"))
		l.hosts[name] = h
		l.start(t, h, "")
		l.know(t, h, filepath.Join(h.dir, "host.pub"))
	}
	return l
}

func keygen(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", append([]string{"-q", "-t", "ed25519", "-N", ""}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
}

// start runs a host's sshd; of its configuration more counts first.
func (l *lab) start(t *testing.T, h *sshd, more string) {
	t.Helper()
	if os.Getuid() == 0 { // then, and only then, sshd wants a directory to be confined to
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if h.port == 0 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		h.port = listener.Addr().(*net.TCPAddr).Port
		_ = listener.Close()
	}
	h.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(h.port))
	config := filepath.Join(h.dir, "sshd_config")
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
`, more, h.port, h.dir, l.dir, l.dir, h.dir, h.dir), 0o600)
	log, err := os.Create(filepath.Join(h.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	h.cmd = exec.Command(sshdPath(t), "-D", "-e", "-f", config)
	h.cmd.Stdout, h.cmd.Stderr = log, log
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := h.cmd
	t.Cleanup(func() { h.stop(cmd) })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("sshd of %s at %s:\n%s", h.name, h.addr, read(t, filepath.Join(h.dir, "log")))
		}
	})
	until(t, "sshd of "+h.name, func() bool {
		conn, err := net.Dial("tcp", h.addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// stop ends a host's sshd with its connections, and returns when nothing listens
// there any more.
func (h *sshd) stop(cmd *exec.Cmd) {
	h.cut()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	h.cut()
	// A child that was just made holds the socket, too, until it is gone.
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", h.addr)
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

// cut kills the processes that serve connections, by their ids: what runs below
// them goes on.
func (h *sshd) cut() {
	for _, pid := range children(h.cmd.Process.Pid) {
		for _, inner := range children(pid) { // of a privileged sshd, that of the user
			if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", inner)); strings.HasPrefix(string(comm), "sshd") {
				_ = syscall.Kill(inner, syscall.SIGKILL)
			}
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func children(pid int) []int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var pids []int
	for _, word := range strings.Fields(string(data)) {
		n, _ := strconv.Atoi(word)
		pids = append(pids, n)
	}
	return pids
}

// know adds a host's key to known_hosts.
func (l *lab) know(t *testing.T, h *sshd, file string) {
	t.Helper()
	key := strings.Fields(read(t, file))
	write(t, l.known, read(t, l.known)+fmt.Sprintf("[127.0.0.1]:%d %s %s\n", h.port, key[0], key[1]), 0o644)
}

// config returns a configuration that reaches all hosts; web-1 is in web.
func (l *lab) config(more obj) obj {
	hosts := obj{}
	for name, h := range l.hosts {
		group, _, _ := strings.Cut(name, "-")
		hosts[name] = obj{"address": "127.0.0.1", "port": float64(h.port), "groups": []any{group}, "labels": obj{"name": name}, "state": filepath.Join(h.dir, "state")}
	}
	c := obj{"hosts": hosts, "keys": []any{l.key}, "known_hosts": []any{l.known}, "user": l.user, "agent": "", "dir": l.dir, "reconnect": "0s"}
	for k, v := range more {
		c[k] = v
	}
	return c
}

func (l *lab) backend(t *testing.T, more obj) *Backend {
	t.Helper()
	b, err := configured(l.config(more))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func configured(config obj) (*Backend, error) {
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, config)
	if err != nil {
		return nil, err
	}
	return b, b.Configure(context.Background(), reveal(checked))
}

// reveal does what the host does on the wire: secrets become plain strings.
func reveal(m obj) obj {
	out := obj{}
	for k, v := range m {
		switch v := v.(type) {
		case effect.Secret:
			out[k] = v.Reveal()
		case obj:
			out[k] = reveal(v)
		default:
			out[k] = v
		}
	}
	return out
}

// request makes a request as the engine does.
func newRequest(t *testing.T, op, key string, attempt int, args obj) plugins.Request {
	t.Helper()
	for _, o := range contract.Module().Ops {
		if o.Name == op {
			checked, err := o.Check(args)
			if err != nil {
				t.Fatalf("%s %v: %v", op, args, err)
			}
			return plugins.Request{Op: op, Args: reveal(checked), Key: key, Run: "run-1", Place: "7", Attempt: attempt, Progress: func(string) {}}
		}
	}
	t.Fatalf("no op %s", op)
	return plugins.Request{}
}

var calls int

// invoke carries out an op under a key of its own.
func invoke(t *testing.T, b *Backend, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	calls++
	v, err := b.Invoke(t.Context(), newRequest(t, op, fmt.Sprintf("%s-%d", t.Name(), calls), 1, args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

func must(t *testing.T, b *Backend, op string, args obj) obj {
	t.Helper()
	v, e := invoke(t, b, op, args)
	if e != nil {
		t.Fatalf("%s %v: %v (hint %q)", op, args, e, e.Hint)
	}
	return v["hosts"].(obj)
}

func fails(t *testing.T, e *effect.Error, code effect.Code, says ...string) {
	t.Helper()
	if e == nil || e.Code != code {
		t.Errorf("got %v, want the code %s", e, code)
		return
	}
	for _, s := range says {
		if !strings.Contains(e.Message+" | "+e.Hint, s) {
			t.Errorf("%q (hint %q) does not hold %q", e.Message, e.Hint, s)
		}
	}
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

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func readLink(t *testing.T, path string) string {
	t.Helper()
	to, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func childrenOf(pid string) []string {
	n, _ := strconv.Atoi(pid)
	var pids []string
	for _, c := range children(n) {
		pids = append(pids, strconv.Itoa(c))
	}
	return pids
}

func cmdline(pid string) string {
	data, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	return string(data)
}

func kill(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatalf("no process: %q", pid)
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the end of "+pid, func() bool { return !alive(pid) })
}

// killScript kills what runs a command on a host with all that it has started.
func killScript(t *testing.T, pid string) {
	t.Helper()
	below := childrenOf(pid)
	kill(t, pid)
	for _, child := range below {
		n, _ := strconv.Atoi(child)
		_ = syscall.Kill(-n, syscall.SIGKILL) // of those that lead a group
		_ = syscall.Kill(n, syscall.SIGKILL)
		until(t, "the end of "+child, func() bool { return !alive(child) })
	}
}
