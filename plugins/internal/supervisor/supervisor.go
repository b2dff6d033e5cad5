package supervisor

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

const (
	// KillWait bounds the wait after SIGKILL. Only a process inside the kernel
	// (a dead network disk) survives it that long.
	KillWait  = 2 * time.Second
	pollEvery = 5 * time.Millisecond
)

// init is how this executable becomes a supervisor, whichever program the
// backend is a part of.
func init() {
	if os.Getenv(variable) == "" {
		return
	}
	// The kernel ties the parent-death signal to the thread that forked; this
	// one lives as long as the process.
	runtime.LockOSThread()
	syscall.CloseOnExec(OrdersFD)
	syscall.CloseOnExec(ReportsFD)
	s := &supervisor{reports: json.NewEncoder(os.NewFile(ReportsFD, "reports")), exited: make(chan struct{}), orders: make(chan Order)}
	s.serve(os.NewFile(OrdersFD, "orders"))
	syscall.Exit(0) // at once: there is nothing to be written, and the plugin waits
}

type supervisor struct {
	reports *json.Encoder
	orders  chan Order // closed when the plugin is gone
	leader  int
	exited  chan struct{} // closed when the leader was reaped
}

func (s *supervisor) serve(pipe io.Reader) {
	quiet := make(chan os.Signal, 8) // taken and not ignored: the program would inherit that
	signal.Notify(quiet, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	adoptOrphans()
	in := json.NewDecoder(bufio.NewReader(pipe))
	var p Launch
	if in.Decode(&p) != nil {
		return
	}
	pid, err := syscall.ForkExec(string(p.Path), asStrings(p.Argv), &syscall.ProcAttr{Dir: string(p.Dir), Env: asStrings(p.Env),
		Files: []uintptr{0, 1, 2}, Sys: programAttributes()})
	if err != nil {
		errno := syscall.EINVAL
		errors.As(err, &errno)
		_ = s.reports.Encode(Report{Errno: errno})
		return
	}
	s.leader = pid
	letGo()
	_ = s.reports.Encode(Report{Started: pid})
	go s.reap()
	go func() {
		defer close(s.orders)
		for {
			var o Order
			if in.Decode(&o) != nil {
				return
			}
			s.orders <- o
		}
	}()
	for o := range s.orders {
		if o.Release {
			return
		}
		if o.Stop != nil {
			gone := s.stop(time.Duration(*o.Stop) * time.Millisecond)
			_ = s.reports.Encode(Report{Gone: &gone})
		}
	}
	s.stop(0)
}

// letGo closes the supervisor's own copies of the program's streams.
func letGo() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return
	}
	for fd := range 3 {
		_ = redirect(int(null.Fd()), fd)
	}
	null.Close()
}

// reap waits for the program and for whatever the supervisor has adopted.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil: // no child is left, and only a child could leave one
			return
		case pid == s.leader:
			close(s.exited)
			_ = s.reports.Encode(Report{Exited: &status})
		}
	}
}

// stop ends all that the program has started: SIGTERM, after grace SIGKILL. It
// returns once nothing of it runs, or with false when something cannot be
// killed.
func (s *supervisor) stop(grace time.Duration) bool {
	if grace > 0 {
		s.signal(syscall.SIGTERM)
		s.signal(syscall.SIGCONT) // who is suspended cannot end
		if s.gone(grace, func() {}) {
			return true
		}
	}
	// Who forks while it is looked for is found the next time.
	return s.gone(KillWait, func() { s.signal(syscall.SIGKILL) })
}

func (s *supervisor) signal(sig syscall.Signal) {
	for _, pid := range descendants(s.leader) {
		_ = syscall.Kill(pid, sig)
	}
}

// gone waits until nothing is left that the program has started.
func (s *supervisor) gone(limit time.Duration, again func()) bool {
	deadline := time.Now().Add(limit)
	for {
		again()
		if s.nothingLeft() {
			return true
		}
		if !time.Now().Before(deadline) {
			return false
		}
		time.Sleep(pollEvery)
		select {
		case _, alive := <-s.orders:
			if !alive { // the plugin is gone, and nobody waits
				deadline = time.Now()
			}
		default:
		}
	}
}

func (s *supervisor) nothingLeft() bool {
	select {
	case <-s.exited:
		return len(descendants(s.leader)) == 0
	default:
		return false
	}
}
