package exec

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

// result is how a program ended.
type result struct {
	status syscall.WaitStatus
	lost   bool // its supervisor was killed, and nobody knows its status
	out    *output.Output
	took   time.Duration
}

// run starts the command and waits for it. An error means that it did not
// start, or that it was stopped.
func (c *command) run(ctx context.Context, show func(line string)) (*result, error) {
	out, err := newPipes()
	if err != nil {
		return nil, notStarted(c, err)
	}
	defer out.close()
	stdin, feed, err := c.stdinPipe()
	if err != nil {
		return nil, notStarted(c, err)
	}
	if feed != nil {
		defer feed.Close()
	}
	began := time.Now()
	p, err := startProcess(c, stdin, out.write[output.Stdout], out.write[output.Stderr])
	closeAll(stdin) // only the program's copies count now
	out.started()
	if err != nil {
		return nil, err
	}
	defer p.release()
	if feed != nil {
		go func() {
			_, _ = io.WriteString(feed, c.stdin) // a program need not read all of it
			feed.Close()
		}()
	}
	r := &result{out: output.New(c.scrub, c.lines(show), c.json)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		out.readAll(r.out.Write)
		r.out.Close()
	}()
	why, killed := c.wait(ctx, p)
	r.took = time.Since(began)
	out.exited()
	<-read
	if c.show == "tail" {
		r.out.ShowTail(show)
	}
	if why != "" {
		return nil, c.stopped(why, killed, r)
	}
	r.status, r.lost = p.status, p.lost
	return r, nil
}

// lines returns what is told of each line as it comes; nil for nothing.
func (c *command) lines(show func(string)) func(string) {
	if c.show == "none" || c.show == "tail" {
		return nil
	}
	return show
}

// wait returns when the program has exited or was stopped; why says the
// latter, and killed whether all of its group is gone.
func (c *command) wait(ctx context.Context, p *process) (why string, killed bool) {
	var timeout <-chan time.Time
	if c.timeout > 0 {
		timer := time.NewTimer(c.timeout)
		defer timer.Stop()
		timeout = timer.C
	}
	grace := c.grace
	select {
	case <-p.exited:
		return "", false
	case <-timeout:
		why = "took longer than " + effect.FormatDuration(c.timeout)
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
	if p.hasExited() {
		return "", false // at the last moment, and by itself
	}
	return why, p.stop(grace)
}

// stdinPipe returns a pipe for the program's standard input, or nothing when
// it has none.
func (c *command) stdinPipe() (read, write *os.File, err error) {
	if c.stdin == "" {
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

// stopped explains a program that did not come to its end.
func (c *command) stopped(why string, killed bool, r *result) *effect.Error {
	fate := "it was stopped with all that it had started"
	if !killed {
		fate = "a process that it started cannot be killed and still runs"
	}
	if c.class == effect.Read {
		return effect.Errorf(effect.CodeTimeout, "%s %s after %s; %s%s", c, why, effect.FormatDuration(r.took), fate, r.out.Ending())
	}
	return effect.Errorf(effect.CodeUnknown, "%s %s after %s; %s, and nobody knows how far it came%s",
		c, why, effect.FormatDuration(r.took), fate, r.out.Ending()).
		WithHint(`look at what it was to change, then say what happened; a program that may run twice is called with recovery = "retry"`)
}

// value returns what exec.run returns, or the error of a bad end.
func (r *result) value(c *command) (any, error) {
	if why := r.bySignal(c); why != "" {
		return nil, r.broken(c, why)
	}
	took, code := effect.FormatDuration(r.took), r.status.ExitStatus()
	if !slices.Contains(c.ok, code) {
		return nil, effect.Errorf(effect.CodeFailed, "%s ended with exit code %d after %s%s", c, code, took, r.out.Ending()).
			WithHint("if this code is no failure, add it to ok = { … }")
	}
	changed := r.out.Changed()
	value := map[string]any{"code": float64(code), "seconds": r.took.Seconds()}
	truncated := false
	for name, t := range map[string]*output.Tail{"stdout": r.out.Stream(output.Stdout), "stderr": r.out.Stream(output.Stderr), "output": r.out.Both()} {
		text, cut := t.Text()
		value[name], truncated = text, truncated || cut
	}
	value["truncated"] = truncated
	if c.json {
		decoded, err := r.out.JSON()
		if err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "%s ran and ended with exit code %d after %s, and its standard output is no JSON that can be used: %v%s",
				c, code, took, c.scrub.Text(err.Error()), r.out.Ending()).
				WithHint("what it was to do is done; let it write one JSON value to its standard output and everything else to standard error, or leave out json = true")
		}
		clean, hidden := c.scrub.Value(decoded)
		if changed = changed || hidden; clean != nil {
			value["json"] = clean
		}
	}
	if changed {
		value["redacted"] = true
	}
	return value, nil
}

// bySignal says which signal ended the program, or, by the exit code that
// shells give then, something that it ran; "" if none did. A code of that kind
// in ok is a code like any other.
func (r *result) bySignal(c *command) string {
	switch code := r.status.ExitStatus(); {
	case r.lost:
		return "was lost sight of, because its supervisor was killed,"
	case r.status.Signaled():
		return fmt.Sprintf("was killed by signal %d (%s), which this run did not send,", int(r.status.Signal()), r.status.Signal())
	case slices.Contains(c.ok, code):
		return ""
	case slices.Contains([]int{int(syscall.SIGKILL), int(syscall.SIGTERM), int(syscall.SIGINT), int(syscall.SIGQUIT), int(syscall.SIGABRT),
		int(syscall.SIGSEGV), int(syscall.SIGBUS), int(syscall.SIGXCPU)}, code-128):
		return fmt.Sprintf("ended with exit code %d, which says that signal %d (%s) killed what it ran,", code, code-128, syscall.Signal(code-128))
	}
	return ""
}

// broken explains a program that did not end by itself.
func (r *result) broken(c *command, why string) *effect.Error {
	const cause = "signal 9 is an operator's, or the kernel's for want of memory (see dmesg)"
	took := effect.FormatDuration(r.took)
	if c.class == effect.Read {
		return effect.Errorf(effect.CodeFailed, "%s %s after %s%s", c, why, took, r.out.Ending()).WithHint(cause)
	}
	return effect.Errorf(effect.CodeUnknown, "%s %s after %s, and nobody knows how far it came%s", c, why, took, r.out.Ending()).
		WithHint(`%s; look at what it was to change, then say what happened; a program that may run twice is called with recovery = "retry"`, cause)
}
