package program

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The supervisor is a process between the plugin and a program: this
// executable, run once more. It is the program's parent and adopts what the
// program leaves without one (a daemon's way of leaving its session), so that
// all that the program has started can be found and ended, also when the plugin
// is killed. It ends with the program.
//
// Its standard streams are the program's. It takes a program and then
// commands, a JSON value each, from one pipe, and answers on another:
//
//	{"path": …, "argv": […], "env": […], "dir": …}   {"started": 123} or {"errno": 2}
//	                                                 {"exited": 0}, a wait status, when the program has
//	{"stop": 5000}: end everything, within ms        {"gone": true} when nothing is left
//	{"release": true}: leave the rest alone          its end
//
// The end of the commands' pipe means that the plugin is gone: everything is
// killed.
const superviseEnv = "RUNBOOK_SUPERVISE"

// supervising is the entry by which the supervisors of an effect's programs are
// known.
func supervising(key string) string { return superviseEnv + "=" + cmp.Or(key, "1") }

// launch is what the supervisor is to run. Bytes are not texts: JSON would
// mend what is not UTF-8.
type launch struct {
	Path []byte   `json:"path"`
	Argv [][]byte `json:"argv"`
	Env  [][]byte `json:"env"`
	Dir  []byte   `json:"dir"`
}

func newLaunch(path string, argv, env []string, dir string) launch {
	return launch{[]byte(path), asBytes(argv), asBytes(env), []byte(dir)}
}

func asBytes(list []string) [][]byte {
	out := make([][]byte, len(list))
	for i, s := range list {
		out[i] = []byte(s)
	}
	return out
}

func asStrings(list [][]byte) []string {
	out := make([]string, len(list))
	for i, b := range list {
		out[i] = string(b)
	}
	return out
}

type order struct {
	Stop    *int64 `json:"stop,omitempty"` // grace in milliseconds
	Release bool   `json:"release,omitempty"`
}

type report struct {
	Started int                 `json:"started,omitempty"`
	Errno   syscall.Errno       `json:"errno,omitempty"`
	Exited  *syscall.WaitStatus `json:"exited,omitempty"`
	Gone    *bool               `json:"gone,omitempty"`
}

const (
	ordersFD  = 3
	reportsFD = 4
)

// init is how this executable becomes a supervisor, whichever program the
// backend is a part of.
func init() {
	if os.Getenv(superviseEnv) == "" {
		return
	}
	// The kernel ties the parent-death signal to the thread that forked; this
	// one lives as long as the process.
	runtime.LockOSThread()
	syscall.CloseOnExec(ordersFD)
	syscall.CloseOnExec(reportsFD)
	s := &supervisor{reports: json.NewEncoder(os.NewFile(reportsFD, "reports")), exited: make(chan struct{}), orders: make(chan order)}
	s.serve(os.NewFile(ordersFD, "orders"))
	syscall.Exit(0) // at once: there is nothing to be written, and the plugin waits
}

type supervisor struct {
	reports *json.Encoder
	orders  chan order // closed when the plugin is gone
	leader  int
	exited  chan struct{} // closed when the leader was reaped
}

func (s *supervisor) serve(pipe io.Reader) {
	quiet := make(chan os.Signal, 8) // taken and not ignored: the program would inherit that
	signal.Notify(quiet, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	adoptOrphans()
	in := json.NewDecoder(bufio.NewReader(pipe))
	var p launch
	if in.Decode(&p) != nil {
		return
	}
	pid, err := syscall.ForkExec(string(p.Path), asStrings(p.Argv), &syscall.ProcAttr{Dir: string(p.Dir), Env: asStrings(p.Env),
		Files: []uintptr{0, 1, 2}, Sys: programAttributes()})
	if err != nil {
		errno := syscall.EINVAL
		errors.As(err, &errno)
		_ = s.reports.Encode(report{Errno: errno})
		return
	}
	s.leader = pid
	letGo()
	_ = s.reports.Encode(report{Started: pid})
	go s.reap()
	go func() {
		defer close(s.orders)
		for {
			var o order
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
			_ = s.reports.Encode(report{Gone: &gone})
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
			_ = s.reports.Encode(report{Exited: &status})
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
	return s.gone(killWait, func() { s.signal(syscall.SIGKILL) })
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

// parseStat reads what is needed of a process's line in /proc: "pid (name)
// state parent …", where the name may hold anything.
func parseStat(stat string) (state byte, parent int, ok bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 || len(fields[0]) != 1 {
		return 0, 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return fields[0][0], parent, err == nil
}
