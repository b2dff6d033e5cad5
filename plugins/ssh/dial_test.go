package ssh

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/remotetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// login reads something on a host, which takes a login.
func login(t *testing.T, b *Backend, on string) *effect.Error {
	t.Helper()
	_, e := invoke(t, b, "run", sh(on, "true", obj{"class": "read"}))
	return e
}

func TestHostKeys(t *testing.T) {
	l := startLab(t, "a", "b")
	good := read(t, l.Known)
	other := strings.Fields(read(t, l.Key+".pub"))
	at := func(h, key string) string {
		return fmt.Sprintf("[127.0.0.1]:%d ssh-ed25519 %s\n", l.Hosts[h].Port, key)
	}
	for name, c := range map[string]struct {
		known string
		says  []string // nothing if it is let in
	}{
		"known":          {good, nil},
		"hashed":         {hashed(t, good), nil},
		"unknown":        {"", []string{"a (127.0.0.1:", "a key that is not known: ssh-ed25519 SHA256:", "it is not in " + l.Known, "ssh-keyscan -p"}},
		"changed":        {at("a", other[1]), []string{"another key than the known one", l.Known + ":1", "ssh-keygen -R '[127.0.0.1]:"}},
		"revoked":        {good + "@revoked * " + strings.Join(strings.Fields(read(t, filepath.Join(l.Hosts["a"].Dir, "host.pub")))[:2], " ") + "\n", []string{"revoked in " + l.Known}},
		"another host's": {strings.ReplaceAll(good, fmt.Sprint(l.Hosts["a"].Port), "1"), []string{"not known"}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, l.Known, c.known, 0o600)
			e := login(t, l.backend(t, nil), "a")
			if c.says == nil {
				if e != nil {
					t.Error(e, e.Hint)
				}
				return
			}
			fails(t, e, effect.CodeRefused, c.says...)
		})
	}
	b := l.backend(t, obj{"known_hosts": []any{}})
	fails(t, login(t, b, "a"), effect.CodeRefused, "there is no known_hosts file")
}

// hashed returns known_hosts with the names of hosts hashed.
func hashed(t *testing.T, known string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "known")
	write(t, file, known, 0o600)
	if out, err := exec.Command("ssh-keygen", "-H", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	return read(t, file)
}

// TestKeyOfAnotherKind: of several keys that a host has, one is known.
func TestKeyOfAnotherKind(t *testing.T) {
	l := startLab(t, "a")
	h := l.Hosts["a"]
	file := filepath.Join(h.Dir, "ecdsa")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	h.Stop(h.Cmd)
	l.StartHost(t, h, "HostKey "+file)
	write(t, l.Known, "", 0o600)
	l.Know(t, h, file+".pub")
	if e := login(t, l.backend(t, nil), "a"); e != nil {
		t.Error(e, e.Hint)
	}
}

// TestCertificates: an authority that known_hosts names vouches for hosts, and
// one that the host trusts vouches for users.
func TestCertificates(t *testing.T) {
	l := startLab(t, "a")
	ca, h := filepath.Join(l.Dir, "ca"), l.Hosts["a"]
	remotetest.Keygen(t, "-f", ca)
	sign := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ssh-keygen", append([]string{"-q", "-s", ca, "-I", "test"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	sign("-h", "-n", "127.0.0.1", filepath.Join(h.Dir, "host.pub"))
	user := filepath.Join(l.Dir, "user")
	remotetest.Keygen(t, "-f", user)
	sign("-n", l.User, user+".pub")
	h.Stop(h.Cmd)
	l.StartHost(t, h, "HostCertificate "+h.Dir+"/host-cert.pub\nTrustedUserCAKeys "+ca+".pub")
	write(t, l.Known, fmt.Sprintf("@cert-authority [127.0.0.1]:%d %s", h.Port, read(t, ca+".pub")), 0o600)
	if e := login(t, l.backend(t, nil), "a"); e != nil {
		t.Errorf("a key and a host's certificate: %v %s", e, e.Hint)
	}
	if e := login(t, l.backend(t, obj{"keys": []any{user}}), "a"); e != nil {
		t.Errorf("a user's certificate: %v %s", e, e.Hint)
	}
	if err := os.Remove(user + "-cert.pub"); err != nil {
		t.Fatal(err)
	}
	fails(t, login(t, l.backend(t, obj{"keys": []any{user}}), "a"), effect.CodeRefused, "does not let "+l.User+" in", "tried: key "+user, "authorized_keys")

	sign("-n", l.User, "-V", "20200101:20200102", user+".pub")
	fails(t, login(t, l.backend(t, obj{"keys": []any{user}}), "a"), effect.CodeRefused, "not tried: certificate "+user+"-cert.pub has expired at 2020-01-0")
	sign("-h", "-n", "elsewhere.example", filepath.Join(h.Dir, "host.pub"))
	h.Stop(h.Cmd)
	l.StartHost(t, h, "HostCertificate "+h.Dir+"/host-cert.pub")
	fails(t, login(t, l.backend(t, nil), "a"), effect.CodeRefused, "not accepted", "127.0.0.1", "@cert-authority")
}

func TestAgentAndPassphrase(t *testing.T) {
	l := startLab(t, "a")
	locked := filepath.Join(l.Dir, "locked")
	remotetest.Keygen(t, "-N", "correct horse", "-f", locked)
	write(t, filepath.Join(l.Dir, "authorized"), read(t, locked+".pub"), 0o644)
	if err := os.Chmod(locked+".pub", 0o600); err != nil { // as that of a private key
		t.Fatal(err)
	}
	for says, config := range map[string]obj{
		"has a passphrase: load it into an agent":     {"keys": []any{locked}},
		"cannot be opened with the configured":        {"keys": []any{locked}, "passphrase": "battery staple"},
		"no such file":                                {"keys": []any{locked + ".none"}},
		"there is no key to log in with":              {"keys": []any{}},
		"the agent at " + l.Dir + "/none cannot be a": {"keys": []any{}, "agent": filepath.Join(l.Dir, "none")},
		"cannot be read as a private key":             {"keys": []any{locked + ".pub"}},
	} {
		e := login(t, l.backend(t, config), "a")
		if fails(t, e, effect.CodeRefused, says); e != nil && (strings.Contains(e.Message+e.Hint, "battery") || strings.Contains(e.Message, "PRIVATE")) {
			t.Errorf("a secret is told: %v", e)
		}
	}
	if e := login(t, l.backend(t, obj{"keys": []any{locked}, "passphrase": "correct horse"}), "a"); e != nil {
		t.Errorf("with the passphrase: %v", e)
	}
	agent := filepath.Join(l.Dir, "agent")
	cmd := exec.Command("ssh-agent", "-D", "-a", agent)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	plugintest.Until(t, "the agent", func() bool { return exists(agent) })
	ask := filepath.Join(l.Dir, "ask")
	write(t, ask, "#!/bin/sh\necho correct horse\n", 0o700)
	add := exec.Command("ssh-add", locked)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+agent, "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v\n%s", err, out)
	}
	if e := login(t, l.backend(t, obj{"keys": []any{}, "agent": agent}), "a"); e != nil {
		t.Errorf("with the agent: %v", e)
	}
}

// TestJumps goes through one host and through two, of which only the first can
// be reached from here as far as the configuration knows.
func TestJumps(t *testing.T) {
	l := startLab(t, "gate", "inner", "db")
	connections := func(host string) int {
		return strings.Count(read(t, filepath.Join(l.Hosts[host].Dir, "log")), "Accepted publickey")
	}
	hosts := l.config(nil)["hosts"].(obj)
	hosts["inner"].(obj)["via"] = []any{"gate"}
	hosts["db"].(obj)["via"] = []any{"gate", fmt.Sprintf("%s@127.0.0.1:%d", l.User, l.Hosts["inner"].Port)}
	b := l.backend(t, obj{"hosts": hosts})
	got := must(t, b, "run", sh("inner", "echo ${SSH_CONNECTION##* }", obj{"class": "read"}))
	if port := strings.TrimSpace(got["inner"].(obj)["stdout"].(string)); port != fmt.Sprint(l.Hosts["inner"].Port) {
		t.Errorf("it ran at %s", port)
	}
	if connections("gate") != 1 || connections("inner") != 1 {
		t.Errorf("%d connections to gate, %d to inner", connections("gate"), connections("inner"))
	}
	must(t, b, "run", sh("db", "true", obj{"class": "read"}))
	if connections("gate") != 1 || connections("inner") != 2 || connections("db") != 1 { // the way in is kept
		t.Errorf("%d connections to gate, %d to inner, %d to db", connections("gate"), connections("inner"), connections("db"))
	}
	l.Hosts["db"].Stop(l.Hosts["db"].Cmd)
	b = l.backend(t, obj{"hosts": hosts})
	fails(t, login(t, b, "db"), effect.CodeUnavailable, "db (", "cannot be reached from", "nothing was sent")
	l.Hosts["gate"].Stop(l.Hosts["gate"].Cmd)
	b = l.backend(t, obj{"hosts": hosts})
	fails(t, login(t, b, "inner"), effect.CodeUnavailable, "inner (", "the way goes through gate", "cannot be reached")
	hosts["gate"].(obj)["via"] = []any{"nowhere"}
	_, err := configured(l.config(obj{"hosts": hosts}))
	fails(t, effect.AsError(err), effect.CodeInvalid, "host gate: via: there is no host \"nowhere\"")
}

// TestConnections: one is shared by all sessions, and made anew when it is dead.
func TestConnections(t *testing.T) {
	l := startLab(t, "a")
	b := l.backend(t, nil)
	logins := func() int {
		return strings.Count(read(t, filepath.Join(l.Hosts["a"].Dir, "log")), "Accepted publickey")
	}
	done := make(chan *effect.Error)
	for range 8 {
		req := newRequest(t, "run", "k", 1, sh("a", "true", obj{"class": "read"}))
		go func() {
			_, err := b.Invoke(t.Context(), req)
			done <- effect.AsError(err)
		}()
	}
	for range 8 {
		if e := <-done; e != nil {
			t.Error(e)
		}
	}
	if n := logins(); n != 1 {
		t.Errorf("%d logins for 8 calls at once", n)
	}
	l.Hosts["a"].Cut()
	if e := login(t, b, "a"); e != nil {
		t.Error(e)
	}
	if n := logins(); n != 2 {
		t.Errorf("%d logins after the connection was cut", n)
	}
}

// TestFewSessions: where a host allows few sessions on a connection, calls wait
// for each other, and none is broken off for another one's sake.
func TestFewSessions(t *testing.T) {
	l := startLab(t, "a")
	h := l.Hosts["a"]
	h.Stop(h.Cmd)
	l.StartHost(t, h, "MaxSessions 2")
	b := l.backend(t, nil)
	if e := login(t, b, "a"); e != nil {
		t.Fatal(e)
	}
	done := make(chan *effect.Error)
	const calls = 20
	for i := range calls {
		req := newRequest(t, "run", fmt.Sprint("k", i), 1, sh("a", "sleep 0.05", obj{"class": "read"}))
		go func() {
			_, err := b.Invoke(t.Context(), req)
			done <- effect.AsError(err)
		}()
	}
	for range calls {
		if e := <-done; e != nil {
			t.Error(e, e.Hint)
		}
	}
	h.Stop(h.Cmd)
	l.StartHost(t, h, "MaxSessions 0")
	b = l.backend(t, obj{"connect_timeout": "2s"})
	fails(t, login(t, b, "a"), effect.CodeUnavailable, "a (", "no session can be opened", "MaxSessions", "nothing was sent")
}

// TestNoAnswer: what listens is no SSH server, or says nothing, or falls silent.
func TestNoAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	greeting := make(chan string, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			text := <-greeting
			go func() {
				defer conn.Close()
				_, _ = conn.Write([]byte(text))
				_, _ = bufio.NewReader(conn).ReadString(0) // until the other side is gone
			}()
		}
	}()
	l := startLab(t, "a")
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	config := l.config(obj{"connect_timeout": "300ms"})
	var n float64
	_, _ = fmt.Sscan(port, &n)
	config["hosts"].(obj)["b"] = obj{"address": "127.0.0.1", "port": n}
	b, err := configured(config)
	if err != nil {
		t.Fatal(err)
	}
	greeting <- "HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat("x", 300) + "\r\n"
	fails(t, login(t, b, "b"), effect.CodeUnavailable, "b (127.0.0.1:"+port+")", "nothing was sent")
	greeting <- ""
	fails(t, login(t, b, "b"), effect.CodeUnavailable, "b (127.0.0.1:"+port+")", "answers, and the login was not over within 300ms")

	// A host that falls silent: its processes are stopped, not ended.
	b = l.backend(t, obj{"keepalive": "700ms"})
	mark := filepath.Join(l.Dir, "mark")
	done := make(chan *effect.Error, 1)
	req := newRequest(t, "run", "k", 1, sh("a", "touch "+mark+"; sleep 20", obj{"class": "write"}))
	go func() {
		_, err := b.Invoke(t.Context(), req)
		done <- effect.AsError(err)
	}()
	plugintest.Until(t, "the command's begin", func() bool { return exists(mark) })
	for _, pid := range remotetest.Children(l.Hosts["a"].Cmd.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	}
	fails(t, <-done, effect.CodeUnknown, "the connection broke after the request was sent")
}

// TestNoShell: a host that runs something else than what it is sent says so.
func TestNoShell(t *testing.T) {
	l := startLab(t, "a")
	h := l.Hosts["a"]
	h.Stop(h.Cmd)
	l.StartHost(t, h, "ForceCommand echo This account is not available. >&2; exit 1")
	for _, class := range []string{"read", "write"} {
		_, e := invoke(t, l.backend(t, nil), "run", sh("a", "true", obj{"class": class}))
		fails(t, e, effect.CodeRefused, "a (", "the session ended before anything ran", "This account is not available", "forced command")
	}
	b := l.backend(t, obj{"sudo": "nobody"})
	_, e := invoke(t, b, "copy", obj{"on": []any{"a"}, "text": "x", "to": "/tmp/x"})
	fails(t, e, effect.CodeRefused, "NOPASSWD")
}

func TestHealth(t *testing.T) {
	l := startLab(t, "a", "b")
	b := l.backend(t, nil)
	if err := b.Health(t.Context()); err != nil {
		t.Error(err)
	}
	l.Hosts["b"].Stop(l.Hosts["b"].Cmd)
	b = l.backend(t, nil)
	fails(t, effect.AsError(b.Health(t.Context())), effect.CodeUnavailable, "of 2 hosts, 1 cannot be used", "b: b (")
}
