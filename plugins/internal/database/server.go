package database

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Server is a database server on a copy, which dies with this process.
type Server struct {
	Quit syscall.Signal // ends it at once, with what it started
	cmd  *exec.Cmd
	over chan struct{}
	log  serverLog
}

// serverLog keeps the end of what a server says.
type serverLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() > 256<<10 {
		l.text.Next(128 << 10)
	}
	return l.text.Write(p)
}

// Start starts a server. ended, if not nil, is called once it is over.
func (s *Server) Start(argv []string, u *User, ended func()) error {
	s.over = make(chan struct{})
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Env, s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = Environment(), "/", &s.log, &s.log
	s.cmd.SysProcAttr = Attributes(u, s.Quit)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the kernel ends it with the thread that started it
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait()
		}
		close(s.over)
		if ended != nil {
			ended()
		}
	}()
	return <-started
}

// Said returns the lines of its log.
func (s *Server) Said() []string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return strings.Split(strings.TrimSpace(s.log.text.String()), "\n")
}

// Ended reports whether it is over.
func (s *Server) Ended() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// ErrKilled is the error of Stop for a server that had to be ended at once.
var ErrKilled = errors.New("did not shut down in the time that the call has, and was killed: its data is not whole until it has recovered")

// Stop shuts it down by a signal, so that its data is whole on disk, however long
// that takes; once ctx ends it is ended at once.
func (s *Server) Stop(ctx context.Context, signal syscall.Signal) error {
	_ = s.cmd.Process.Signal(signal)
	select {
	case <-s.over:
	case <-ctx.Done():
		s.End()
		return ErrKilled
	}
	if !s.cmd.ProcessState.Success() {
		return fmt.Errorf("shut down with %s", s.cmd.ProcessState)
	}
	return nil
}

// Leave shuts a server down that was only looked at. Its call may be over by then:
// it has a minute at the least, so that the data is whole for whoever comes next.
func (c *Call) Leave(stop func(context.Context) *effect.Error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Ctx), time.Minute)
	defer cancel()
	if until, bound := c.Ctx.Deadline(); bound && time.Until(until) > time.Minute {
		ctx = c.Ctx
	}
	if e := stop(ctx); e != nil {
		c.Progress.Show(e.Message)
	}
}

// End leaves nothing of it running.
func (s *Server) End() {
	if s.Ended() {
		return
	}
	_ = s.cmd.Process.Signal(s.Quit)
	select {
	case <-s.over:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.over
	}
}

// SocketDir makes a directory for a server's socket, whose path has to be
// short; it is the caller's to remove. Those of processes that were killed are
// removed.
func SocketDir(prefix string) (string, error) {
	found, _ := filepath.Glob("/tmp/" + prefix + "*")
	for _, dir := range found {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		pid, err := strconv.Atoi(number)
		if info, statErr := os.Lstat(dir); err == nil && pid > 0 && statErr == nil && info.IsDir() && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir) // of others it is not ours to remove, and stays
		}
	}
	return os.MkdirTemp("/tmp", fmt.Sprintf("%s%d-", prefix, os.Getpid()))
}
