package exec

import (
	"errors"
	"io/fs"
	"os"
	osexec "os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	pollEvery = 5 * time.Millisecond
	// killWait bounds the wait after SIGKILL. Only a process inside the kernel
	// (a dead network disk) survives it that long.
	killWait = 2 * time.Second
)

// process is a started program, the leader of a process group.
type process struct {
	pid    int
	exited chan struct{}    // closed when the leader is gone
	state  *os.ProcessState // set then
}

// startProcess starts a command. It keeps neither file.
func startProcess(c *command, stdin, out *os.File) (*process, error) {
	cmd := &osexec.Cmd{Path: c.path, Args: c.argv, Env: c.env, Dir: c.dir, Stdout: out, Stderr: out, SysProcAttr: groupAttr()}
	if stdin != nil { // a nil *os.File in an io.Reader is not nil
		cmd.Stdin = stdin
	}
	p := &process{exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel ties the parent-death signal to the thread that forked,
		// so that thread must live as long as the program.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // says no more than the state: there is nothing to copy
		p.state = cmd.ProcessState
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, notStarted(c, err)
	}
	return p, nil
}

// hasExited reports whether the leader is gone.
func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// stop ends the whole group: SIGTERM, after grace SIGKILL. It returns once no
// process of the group runs, or with false when one cannot be killed.
func (p *process) stop(grace time.Duration) bool {
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGCONT) // who is suspended cannot end
	if p.gone(grace) {
		return true
	}
	p.signal(syscall.SIGKILL)
	return p.gone(killWait)
}

func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.pid, s) }

// gone waits until the leader was reaped and no process of its group runs.
func (p *process) gone(limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for {
		if p.hasExited() && !groupRuns(p.pid) {
			return true
		}
		if !time.Now().Before(deadline) {
			return false
		}
		time.Sleep(pollEvery)
	}
}

// notStarted explains why nothing ran.
func notStarted(c *command, err error) *effect.Error {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return effect.Errorf(effect.CodeRefused, "%s is neither a program nor a script with a first line like #!/bin/sh; nothing ran", c.path).
			WithHint("add the line, or run it by its interpreter: argv = { \"/bin/sh\", %q }", c.argv[0])
	case errors.Is(err, fs.ErrNotExist):
		return effect.Errorf(effect.CodeNotFound, "%s is there, and the interpreter that its first line names is not; nothing ran", c.path).
			WithHint("install the interpreter, or mend the first line")
	case errors.Is(err, fs.ErrPermission):
		return effect.Errorf(effect.CodeRefused, "%s may not be executed by this user; nothing ran", c.path).
			WithHint("check the permissions of the file and of its directories, and whether its file system is mounted noexec")
	case errors.Is(err, syscall.E2BIG):
		return effect.Errorf(effect.CodeInvalid, "%s: arguments and environment are longer than the system takes; nothing ran", c).
			WithHint("hand long texts over by stdin or in a file")
	}
	return effect.Errorf(effect.CodeUnavailable, "%s could not be started: %v; nothing ran", c.path, err).
		WithHint("the machine may be out of processes or memory")
}
