package program

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	osexec "os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/supervisor"
)

// process is a started program, seen through its supervisor.
type process struct {
	orders *os.File
	exited chan struct{}      // closed when the program is gone
	status syscall.WaitStatus // set then, unless lost
	lost   bool               // the supervisor was killed: nobody knows how the program ended
	gone   chan bool          // the answer to a stop
	over   chan struct{}      // closed when the supervisor is gone
	mark   string             // the entry of the environment by which the program's processes are known
}

// startProcess starts a program. It keeps none of the files.
func startProcess(c *Program, stdin, stdout, stderr *os.File) (*process, error) {
	ordersEnd, orders, err := os.Pipe()
	if err != nil {
		return nil, notStarted(c, err)
	}
	reports, reportsEnd, err := os.Pipe()
	if err != nil {
		closeAll(ordersEnd, orders)
		return nil, notStarted(c, err)
	}
	cmd := &osexec.Cmd{Path: self(), Args: []string{"runbook-supervisor"}, Env: []string{supervisor.Entry(c.Vars[keyVariable])}, Dir: "/",
		Stdout: stdout, Stderr: stderr, ExtraFiles: []*os.File{ordersEnd, reportsEnd},
		// A group of its own: who kills the plugin's group leaves it alive.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}
	if stdin != nil { // a nil *os.File in an io.Reader is not nil
		cmd.Stdin = stdin
	}
	err = cmd.Start()
	closeAll(ordersEnd, reportsEnd) // only the supervisor's copies count now
	if err != nil {
		closeAll(orders, reports)
		return nil, effect.Errorf(effect.CodeUnavailable, "%s was not started, because its supervisor was not: %v; nothing ran", c, err).
			WithHint("the machine may be out of processes or memory")
	}
	p := &process{orders: orders, exited: make(chan struct{}), gone: make(chan bool, 1), over: make(chan struct{}), mark: keyVariable + "=" + c.Vars[keyVariable]}
	in := json.NewDecoder(reports)
	var first supervisor.Report
	err = json.NewEncoder(orders).Encode(supervisor.NewLaunch(c.Path, c.Argv, c.env(), c.Dir))
	// A supervisor that ends without a word may have started the program
	// before: follow finds it lost.
	if err == nil && in.Decode(&first) == nil && first.Errno != 0 {
		err = first.Errno
	}
	if err != nil {
		closeAll(orders, reports)
		_ = cmd.Wait()
		return nil, notStarted(c, err)
	}
	go p.follow(in, cmd, reports)
	return p, nil
}

// self is this executable: on Linux the file that is running, not the one that
// an upgrade may have put in its place.
func self() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	name, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return name
}

// follow takes the supervisor's reports until it is gone.
func (p *process) follow(in *json.Decoder, cmd *osexec.Cmd, reports *os.File) {
	defer close(p.over)
	for {
		var r supervisor.Report
		if in.Decode(&r) != nil {
			break
		}
		if r.Exited != nil {
			p.status = *r.Exited
			close(p.exited)
		}
		if r.Gone != nil {
			p.gone <- *r.Gone
		}
	}
	if !p.hasExited() {
		p.lost = true
		supervisor.EndMarked(p.mark) // the kernel has ended the program, and not what it started
		close(p.exited)
	}
	reports.Close()
	_ = cmd.Wait()
}

// hasExited reports whether the program is gone.
func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// stop ends everything that the program has started: SIGTERM, after grace
// SIGKILL. It returns once nothing of it runs, or with false when something
// cannot be killed.
func (p *process) stop(grace time.Duration) bool {
	ms := max(grace, 0).Milliseconds()
	_ = json.NewEncoder(p.orders).Encode(supervisor.Order{Stop: &ms})
	timer := time.NewTimer(grace + 2*supervisor.KillWait)
	defer timer.Stop()
	select {
	case gone := <-p.gone:
		return gone
	case <-p.over:
	case <-timer.C:
	}
	return false
}

// release ends the supervisor; what the program left behind runs on.
func (p *process) release() {
	_ = json.NewEncoder(p.orders).Encode(supervisor.Order{Release: true})
	<-p.over
	p.orders.Close()
}

// notStarted explains why nothing ran.
func notStarted(c *Program, err error) *effect.Error {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return effect.Errorf(effect.CodeRefused, "%s is neither a program nor a script with a first line like #!/bin/sh; nothing ran", c.Path).
			WithHint("add the line, or call its interpreter with %s as the first argument", c.Argv[0])
	case errors.Is(err, fs.ErrNotExist):
		return noInterpreter(c.Path)
	case errors.Is(err, fs.ErrPermission):
		return effect.Errorf(effect.CodeRefused, "%s may not be executed by this user; nothing ran", c.Path).
			WithHint("check the permissions of the file and of its directories, and whether its file system is mounted noexec")
	case errors.Is(err, syscall.E2BIG):
		return effect.Errorf(effect.CodeInvalid, "%s: arguments and environment are longer than the system takes; nothing ran", c).
			WithHint("hand long texts over by stdin or in a file")
	}
	return effect.Errorf(effect.CodeUnavailable, "%s could not be started: %v; nothing ran", c.Path, err).
		WithHint("the machine may be out of processes or memory")
}

// noInterpreter explains a script whose first line leads nowhere.
func noInterpreter(path string) *effect.Error {
	name := interpreter(path)
	if strings.HasSuffix(name, "\r") {
		return effect.Errorf(effect.CodeNotFound, "%s has lines that end as on Windows, so that its first one names the interpreter %q; nothing ran", path, name).
			WithHint("take the carriage returns out: sed -i 's/\\r$//' %s", path)
	}
	return effect.Errorf(effect.CodeNotFound, "%s is there, and the interpreter %s that its first line names is not; nothing ran", path, name).
		WithHint("install the interpreter, or mend the first line")
}

// interpreter returns what stands behind #! in a script, up to a blank; "" if
// there is nothing.
func interpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	start := make([]byte, 256) // the kernel reads no more
	n, _ := io.ReadFull(f, start)
	line, _, _ := strings.Cut(string(start[:n]), "\n")
	line, found := strings.CutPrefix(line, "#!")
	if !found {
		return ""
	}
	line = strings.TrimLeft(line, " \t")
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		line = line[:i]
	}
	return line
}
