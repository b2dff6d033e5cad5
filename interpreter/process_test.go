package interpreter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// patience bounds every wait for a condition; a process that takes longer
// hangs.
const patience = time.Minute

// process is a runner under way.
type process struct {
	t           testing.TB
	cmd         *exec.Cmd
	out, errOut output
	done        chan struct{}
}

// newJob makes a directory with the scripts that a job needs.
func newJob(t testing.TB, scripts ...string) job {
	t.Helper()
	j := job{Dir: t.TempDir(), Script: scripts[0], Settle: true}
	for _, name := range scripts {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(j.Dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// start starts a runner in a process group of its own. With -short, as the race
// detector's runs are, none that is to be killed: it could not tell what it saw.
func (j job) start(t testing.TB) *process {
	t.Helper()
	if j.How == "kill" && testing.Short() {
		t.Skip("a runner is to be killed")
	}
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), jobEnv+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errOut
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A plugin holds on to stderr until it has ended too.
	p.cmd.WaitDelay = patience
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.done
	})
	return p
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// wait returns a runner's report; killed says that it was killed instead.
func (p *process) wait() (r report, killed bool) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.signal(syscall.SIGQUIT) // show where it hangs
		<-p.done
		p.t.Fatalf("the runner hangs:\n%s", p.errOut.String())
	}
	if strings.Contains(p.errOut.String(), "DATA RACE") {
		p.t.Fatalf("the runner: %s", p.errOut.String())
	}
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return r, true
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("the runner ended with %d:\n%s", code, p.errOut.String())
	}
	lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		p.t.Fatalf("the runner said %q: %v", p.out.String(), err)
	}
	return r, false
}

// said is what the runner has printed so far.
func (p *process) said() string { return p.out.String() }

// output collects what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write collects.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns what has come so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// stopped reports whether SIGSTOP has reached all threads of the process.
func (p *process) stopped() bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		return false
	}
	for _, thread := range threads {
		if state, ok := readState(thread); !ok || state != 'T' {
			return false
		}
	}
	return true
}

// stateOf returns the letter that stands for a process's state; ok is false
// if there is no such process.
func stateOf(pid int) (state byte, ok bool) { return readState(fmt.Sprintf("/proc/%d/stat", pid)) }

func readState(path string) (state byte, ok bool) {
	stat, err := os.ReadFile(path)
	i := bytes.LastIndexByte(stat, ')')
	if err != nil || i < 0 || i+2 >= len(stat) {
		return 0, false
	}
	return stat[i+2], true
}

// must carries a job out to its end.
func (j job) must(t testing.TB) report {
	t.Helper()
	r, killed := j.start(t).wait()
	if killed {
		t.Fatal("the runner was killed, and nobody wanted it")
	}
	return r
}

// again returns the job that goes on with what this one has begun: it resumes
// the run, or starts it if it never came to be.
func (j job) again(t testing.TB) job {
	t.Helper()
	j.At, j.Near, j.How, j.Ask = 0, "", "", 0
	db, err := journal.Open(context.Background(), j.db(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	run, err := db.Find(context.Background(), "latest")
	var none *journal.NotFoundError
	switch {
	case errors.As(err, &none):
		j.Resume = ""
	case err != nil:
		t.Fatal(err)
	default:
		j.Resume = run.ID
	}
	return j
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}
