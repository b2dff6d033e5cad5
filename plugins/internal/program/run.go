package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
)

const (
	// idleWait is how long a silent pipe that some child still holds open is
	// waited for after the program's exit, and lingerWait how long in all.
	idleWait   = 100 * time.Millisecond
	lingerWait = time.Second
	// hostMargin is kept free before the call's own deadline. There, and soon
	// after a cancellation, the host gives up on the plugin and kills it.
	hostMargin = 1500 * time.Millisecond
	// hurriedGrace bounds the grace period once the call itself has ended.
	hurriedGrace = time.Second
)

// End is how a program ended.
type End struct {
	Stopped string             // why it was stopped: "was canceled"; "" if it ended by itself
	Gone    bool               // of one that was stopped: nothing that it started runs
	Status  syscall.WaitStatus // of one that ended by itself, unless lost
	Lost    bool               // its supervisor was killed, and nobody knows its status
	Took    time.Duration
}

// Run starts the program and waits for it, and hands what it writes to out,
// which it closes. An error, an *effect.Error, means that it did not start.
func (p *Program) Run(ctx context.Context, out *output.Output) (End, error) {
	pipes, err := newPipes()
	if err != nil {
		return End{}, notStarted(p, err)
	}
	defer pipes.close()
	stdin, feed, err := p.stdinPipe()
	if err != nil {
		return End{}, notStarted(p, err)
	}
	if feed != nil {
		defer feed.Close()
	}
	began := time.Now()
	started, err := startProcess(p, stdin, pipes.write[output.Stdout], pipes.write[output.Stderr])
	closeAll(stdin) // only the program's copies count now
	pipes.started()
	if err != nil {
		return End{}, err
	}
	defer started.release()
	if feed != nil {
		go func() {
			_, _ = io.WriteString(feed, p.Stdin) // a program need not read all of it
			feed.Close()
		}()
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		pipes.readAll(out.Write)
		out.Close()
	}()
	end := End{}
	end.Stopped, end.Gone = p.wait(ctx, started)
	end.Took = time.Since(began)
	pipes.exited()
	<-read
	if end.Stopped == "" {
		end.Status, end.Lost = started.status, started.lost
	}
	return end, nil
}

// wait returns when the program has exited or was stopped; why says the
// latter, and gone whether all that it has started is.
func (p *Program) wait(ctx context.Context, started *process) (why string, gone bool) {
	var timeout <-chan time.Time
	if p.Timeout > 0 {
		timer := time.NewTimer(p.Timeout)
		defer timer.Stop()
		timeout = timer.C
	}
	grace := p.Grace
	select {
	case <-started.exited:
		return "", false
	case <-timeout:
		why = "took longer than " + effect.FormatDuration(p.Timeout)
		if deadline, ok := ctx.Deadline(); ok {
			grace = max(0, min(grace, time.Until(deadline)-hostMargin))
		}
	case <-ctx.Done():
		why = "was canceled"
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			why = "was still running when the call's time was up"
		}
		grace = min(grace, hurriedGrace)
	}
	if started.hasExited() {
		return "", false // at the last moment, and by itself
	}
	return why, started.stop(grace)
}

// stdinPipe returns a pipe for the program's standard input, or nothing when
// it has none.
func (p *Program) stdinPipe() (read, write *os.File, err error) {
	if p.Stdin == "" {
		return nil, nil, nil
	}
	return os.Pipe()
}

// closeAll closes files; nil ones are none.
func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// Fate says, of a program that was stopped, what became of what it had started.
func (e End) Fate() string {
	if !e.Gone {
		return "a process that it started cannot be killed and still runs"
	}
	return "it was stopped with all that it had started"
}

// BySignal says which signal ended the program, or, by the exit code that
// shells give then, something that it ran; "" if none did. A code of that kind
// in ok is a code like any other.
func (e End) BySignal(ok ...int) string {
	switch code := e.Status.ExitStatus(); {
	case e.Lost:
		return "was lost sight of, because its supervisor was killed,"
	case e.Status.Signaled():
		return fmt.Sprintf("was killed by signal %d (%s), which this run did not send,", int(e.Status.Signal()), e.Status.Signal())
	case slices.Contains(ok, code):
		return ""
	case slices.Contains([]int{int(syscall.SIGKILL), int(syscall.SIGTERM), int(syscall.SIGINT), int(syscall.SIGQUIT), int(syscall.SIGABRT),
		int(syscall.SIGSEGV), int(syscall.SIGBUS), int(syscall.SIGXCPU)}, code-128):
		return fmt.Sprintf("ended with exit code %d, which says that signal %d (%s) killed what it ran,", code, code-128, syscall.Signal(code-128))
	}
	return ""
}

// Whence is a hint about where the signal comes from that ended the program, or
// what it ran.
func (e End) Whence() string {
	sig := syscall.Signal(e.Status.ExitStatus() - 128)
	if e.Status.Signaled() {
		sig = e.Status.Signal()
	}
	switch sig {
	case syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP:
		return fmt.Sprintf("signal %d is a crash of the program itself: see its log and its core dump (coredumpctl)", int(sig))
	case syscall.SIGXCPU, syscall.SIGXFSZ:
		return fmt.Sprintf("signal %d is the kernel's for a limit that was reached (ulimit -a)", int(sig))
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT:
		return fmt.Sprintf("signal %d is an operator's, or that of what stops services and machines (see the system's log)", int(sig))
	}
	return "signal 9 is an operator's, or the kernel's for want of memory (see dmesg)"
}
