package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

const (
	// drain is how long the output of a dead plugin is still read. Children
	// that it left behind may hold the pipe open for ever.
	drain = 200 * time.Millisecond
	// lifeFD is where the plugin finds the pipe that ends with the host.
	lifeFD = 3
	// lastLines is how much of the plugin's stderr an error quotes.
	lastLines = 5
)

// runner is one plugin process, in the form that go-plugin drives. It is its
// own because go-plugin's would hand on the host's standard input, and would
// wait for every child that holds the plugin's output.
type runner struct {
	cmd  *exec.Cmd
	name string

	stdout, stderr *os.File // the ends that the host reads
	life           *os.File // the end that the host holds open

	flush  []func() error // hand on what of the output was held back
	exited chan struct{}  // closed when the process is gone

	mu     sync.Mutex
	pid    int  // 0 before it runs
	reaped bool // its pid may belong to somebody else now
	state  error
	hello  []byte   // the first line of its standard output
	said   []string // the last lines of its standard error
}

// newRunner prepares a process; nothing runs yet.
func newRunner(bin *executable, args, env []string, dir string) *runner {
	cmd := &exec.Cmd{Path: bin.exec, Args: args, Env: env, Dir: dir, SysProcAttr: processAttributes()}
	return &runner{cmd: cmd, name: bin.name, exited: make(chan struct{})}
}

// Start runs the process. ctx is not used: starting does not block.
func (r *runner) Start(context.Context) (err error) {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			_ = f.Close()
		}
		if err != nil {
			r.closePipes()
		}
	}()
	pipe := func() (read, write *os.File) {
		if err == nil {
			read, write, err = os.Pipe()
		}
		return read, write
	}
	var out, errs, life *os.File
	r.stdout, out = pipe()
	r.stderr, errs = pipe()
	life, r.life = pipe()
	for _, f := range []*os.File{out, errs, life} {
		if f != nil {
			theirs = append(theirs, f)
		}
	}
	if err != nil {
		return fmt.Errorf("start plugin %s: %w", r.name, err)
	}
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.ExtraFiles = out, errs, []*os.File{life}
	r.cmd.Env = append(r.cmd.Env, fmt.Sprintf("%s=%d", wire.LifeEnv, lifeFD))
	started := make(chan error)
	go r.watch(started)
	if err = <-started; err != nil {
		return fmt.Errorf("start plugin %s: %w", r.name, err)
	}
	return nil
}

// watch starts the process and stays until it is gone, on one thread: the
// kernel kills the process when the thread that started it ends.
func (r *runner) watch(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := r.cmd.Start(); err != nil {
		started <- err
		return
	}
	r.mu.Lock()
	r.pid = r.cmd.Process.Pid
	r.mu.Unlock()
	started <- nil

	if awaitExit(r.cmd.Process.Pid) {
		r.mu.Lock()
		_ = r.killGroup() // what it leaves behind must not go on
		r.mu.Unlock()
	}
	state := r.cmd.Wait()
	r.mu.Lock()
	r.state, r.reaped = state, true
	r.mu.Unlock()
	_ = r.stdout.SetReadDeadline(time.Now().Add(drain))
	_ = r.stderr.SetReadDeadline(time.Now().Add(drain))
	close(r.exited)
}

// Kill ends the process and all others of its group.
func (r *runner) Kill(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.killGroup()
}

// killGroup is Kill for who holds the lock.
func (r *runner) killGroup() error {
	if r.pid == 0 || r.reaped {
		return nil
	}
	if err := syscall.Kill(-r.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill plugin %s (process group %d): %w", r.name, r.pid, err)
	}
	return nil
}

// Wait returns how the process ended. go-plugin calls it when it has read all
// output.
func (r *runner) Wait(context.Context) error {
	<-r.exited
	r.closePipes()
	for _, flush := range r.flush {
		_ = flush() // to a writer that never fails
	}
	return r.state
}

func (r *runner) closePipes() {
	for _, f := range []*os.File{r.stdout, r.stderr, r.life} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// Stdout is where the handshake is read from; the first line is kept.
func (r *runner) Stdout() io.ReadCloser { return (*helloReader)(r) }

// Stderr is what the plugin has to say.
func (r *runner) Stderr() io.ReadCloser { return r.stderr }

// Name returns the executable's path.
func (r *runner) Name() string { return r.name }

// ID returns the process id, or "" before there is one.
func (r *runner) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pid == 0 {
		return ""
	}
	return strconv.Itoa(r.pid)
}

// Diagnose has nothing to add; see process.explain.
func (r *runner) Diagnose(context.Context) string { return "" }

// PluginToHost is the identity: both live in one file system.
func (r *runner) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

// HostToPlugin is the identity.
func (r *runner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}

// remember keeps a line of the plugin's standard error for errors to quote.
func (r *runner) remember(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, line)
	if len(r.said) > lastLines {
		r.said = r.said[1:]
	}
}

// ended says how the process ended, waiting a moment for it: the connection
// breaks before the process is gone. It is "" if the process still runs.
func (r *runner) ended(patience time.Duration) string {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-r.exited:
	case <-timer.C:
		return ""
	}
	if r.state == nil {
		return "exit status 0"
	}
	return r.state.Error()
}

// words returns the first line of its standard output and the last ones of its
// standard error.
func (r *runner) words() (hello, said string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line, _, _ := strings.Cut(string(r.hello), "\n")
	return line, strings.Join(r.said, "\n")
}

// helloReader reads the plugin's standard output.
type helloReader runner

// Read keeps what may belong to the first line.
func (h *helloReader) Read(p []byte) (int, error) {
	const most = 512
	n, err := h.stdout.Read(p)
	h.mu.Lock()
	if room := most - len(h.hello); room > 0 {
		h.hello = append(h.hello, p[:min(n, room)]...)
	}
	h.mu.Unlock()
	return n, err
}

// Close closes the pipe.
func (h *helloReader) Close() error { return h.stdout.Close() }
