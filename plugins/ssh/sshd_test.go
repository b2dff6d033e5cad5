package ssh

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/remotetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

type obj = map[string]any

// lab is a few hosts, with backends for them.
type lab struct{ *remotetest.Lab }

func startLab(t *testing.T, names ...string) *lab {
	t.Helper()
	return &lab{remotetest.Start(t, names...)}
}

// config returns a configuration that reaches all hosts; web-1 is in web.
func (l *lab) config(more obj) obj {
	c := l.Config(obj{"dir": l.Dir})
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
	for _, c := range remotetest.Children(n) {
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
	plugintest.Until(t, "the end of "+pid, func() bool { return !alive(pid) })
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
		plugintest.Until(t, "the end of "+child, func() bool { return !alive(child) })
	}
}

func testedOn(t *testing.T) plugintest.System {
	t.Helper()
	return plugintest.Program(t, "OpenSSH", "ssh", "-V") // the server's own version is that of its package
}
