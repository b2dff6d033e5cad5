package systems

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience bounds each wait for a server to be ready, or to end.
const patience = 30 * time.Second

// pause is between two looks at what is waited for.
const pause = 5 * time.Millisecond

// program finds a program in PATH or where Debian keeps those of
// administrators; "" if it is not there.
func program(name string) string {
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name, "/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			if abs, err := filepath.Abs(found); err == nil {
				return abs
			}
		}
	}
	return ""
}

// freeAddr returns a loopback address at which nothing listens now. A server may begin
// to listen there seconds later, so that it is not of those that systems hand out by
// themselves, to connections as well: these begin at 32768 on Linux, elsewhere higher.
func freeAddr() (string, error) {
	for range 100 {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("look for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// process is a server that runs as a child.
type process struct {
	name string // for errors
	cmd  *exec.Cmd
	log  string // the path of what it says
	done chan struct{}
}

// launch starts a program; what it says goes to the end of a log. death is the
// signal that it gets when this process dies.
func launch(name, log string, death syscall.Signal, as *account, argv ...string) (*process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer f.Close()
	p := &process{name: name, cmd: exec.Command(argv[0], argv[1:]...), log: log, done: make(chan struct{})}
	p.cmd.Dir = "/"
	p.cmd.Env = append(os.Environ(), "LC_ALL=C")
	p.cmd.Stdout, p.cmd.Stderr = f, f
	p.cmd.SysProcAttr = attributes(death)
	if as != nil {
		p.cmd.SysProcAttr.Credential = as.credential()
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// await waits until the server is ready. The error holds the end of its log.
func (p *process) await(ctx context.Context, ready func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it is not ready after %s", patience))
	defer cancel()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for !ready() {
		select {
		case <-p.done:
			return fmt.Errorf("start %s: it has ended (%s)%s", p.name, p.cmd.ProcessState, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w%s", p.name, context.Cause(ctx), p.tail())
		case <-tick.C:
		}
	}
	return nil
}

// listening waits until the server takes connections.
func (p *process) listening(ctx context.Context, addr string) error {
	return p.await(ctx, func() bool { return reachable(addr) })
}

func reachable(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// tail returns the last lines of the log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "; the end of " + p.log + ":\n  " + strings.Join(lines[max(0, len(lines)-4):], "\n  ")
}

// alive reports whether it runs.
func (p *process) alive() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends it and what is in its group, and returns when it has ended.
func (p *process) kill() {
	if p.alive() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
}

// end asks it to end by a signal, and kills it if it does not.
func (p *process) end(ctx context.Context, sig syscall.Signal) {
	if !p.alive() {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-ctx.Done():
	case <-timer.C:
	}
	p.kill()
}

// run runs a program to its end; the error holds what it said.
func run(ctx context.Context, as *account, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", append(os.Environ(), "LC_ALL=C"), attributes(syscall.SIGKILL)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if as != nil {
		cmd.SysProcAttr.Credential = as.credential()
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(argv[0]), errors.Join(context.Cause(ctx), err), strings.TrimSpace(string(out)))
	}
	return nil
}

// nodes are the servers of a system, by name.
type nodes struct {
	mu      sync.Mutex
	running map[string]*process
}

func (n *nodes) set(name string, p *process) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running == nil {
		n.running = map[string]*process{}
	}
	n.running[name] = p
}

func (n *nodes) get(name string) *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.running[name]
}

// kill ends a node of a system at once.
func (n *nodes) kill(s Breakable, node string) error {
	if err := noNode(s, node); err != nil {
		return err
	}
	n.get(node).kill()
	return nil
}

// halt lets a node of a system end by a SIGTERM.
func (n *nodes) halt(ctx context.Context, s Breakable, node string) error {
	if err := noNode(s, node); err != nil {
		return err
	}
	n.get(node).end(ctx, syscall.SIGTERM)
	return nil
}

// Alive reports whether a node runs.
func (n *nodes) Alive(node string) bool { return n.get(node).alive() }
