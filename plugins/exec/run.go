package exec

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	// idleWait is how long a silent pipe that some child still holds open is
	// waited for after the program's exit, and lingerWait how long in all.
	idleWait   = 100 * time.Millisecond
	lingerWait = time.Second
	// pipeLimit is the most that a pipe can hold: what the program wrote
	// before its exit is within this many bytes.
	pipeLimit = 1 << 20
	// hostMargin is kept free before the call's own deadline. There, and soon
	// after a cancellation, the host gives up on the plugin and kills it.
	hostMargin = 1500 * time.Millisecond
	// hurriedGrace bounds the grace period once the call itself has ended.
	hurriedGrace = time.Second
)

// result is how a program ended.
type result struct {
	state *os.ProcessState
	out   *output
	took  time.Duration
}

// run starts the command and waits for it. An error means that it did not
// start, or that it was stopped.
func (c *command) run(ctx context.Context, show func(line string)) (*result, error) {
	out, outEnd, err := os.Pipe()
	if err != nil {
		return nil, notStarted(c, err)
	}
	defer out.Close()
	stdin, feed, err := c.stdinPipe()
	if err != nil {
		outEnd.Close()
		return nil, notStarted(c, err)
	}
	if feed != nil {
		defer feed.Close()
	}
	g, err := newGuard()
	if err != nil {
		closeAll(outEnd, stdin)
		return nil, effect.Errorf(effect.CodeUnavailable, "%s was not started: %v; nothing ran", c, err).
			WithHint("/bin/sh is needed, and a machine with processes and memory left")
	}
	defer g.dismiss()
	began := time.Now()
	p, err := startProcess(c, stdin, outEnd)
	closeAll(outEnd, stdin) // only the program's copies count now
	if err != nil {
		return nil, err
	}
	g.watch(p.pid)
	if feed != nil {
		go func() {
			_, _ = io.WriteString(feed, c.stdin) // a program need not read all of it
			feed.Close()
		}()
	}
	r := &result{out: newOutput(c.scrub, show)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		r.out.readFrom(out)
	}()
	why, killed := c.wait(ctx, p)
	r.took = time.Since(began)
	// Wakes the reader, which goes on for what is left in the pipe.
	_ = out.SetReadDeadline(time.Now().Add(idleWait))
	<-read
	if why != "" {
		return nil, c.stopped(why, killed, r)
	}
	r.state = p.state
	return r, nil
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
	fate := "its process group was stopped"
	if !killed {
		fate = "a process of its group cannot be killed and still runs"
	}
	if c.class == effect.Read {
		return effect.Errorf(effect.CodeTimeout, "%s %s after %s; %s%s", c, why, effect.FormatDuration(r.took), fate, r.tail())
	}
	return effect.Errorf(effect.CodeUnknown, "%s %s after %s; %s, and nobody knows how far it came%s",
		c, why, effect.FormatDuration(r.took), fate, r.tail()).
		WithHint(`look at what it was to change, then say what happened; a program that may run twice is called with recovery = "retry"`)
}

// value returns what exec.run returns, or the error of a bad exit.
func (r *result) value(c *command) (any, error) {
	took := effect.FormatDuration(r.took)
	if status, ok := r.state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return nil, effect.Errorf(effect.CodeFailed, "%s was killed by signal %d (%s) after %s, which this run did not send%s",
			c, int(status.Signal()), status.Signal(), took, r.tail()).
			WithHint("it may have come half way; signal 9 is an operator's, or the kernel's for want of memory (see dmesg)")
	}
	code := r.state.ExitCode()
	if !slices.Contains(c.ok, code) {
		return nil, effect.Errorf(effect.CodeFailed, "%s ended with exit code %d after %s%s", c, code, took, r.tail()).
			WithHint("if this code is no failure, add it to ok = { … }")
	}
	text, truncated := r.out.kept()
	return map[string]any{"code": float64(code), "output": text, "truncated": truncated, "seconds": r.took.Seconds()}, nil
}

// tail returns the last lines of the output for the end of a message.
func (r *result) tail() string {
	if last := r.out.lastLines(); last != "" {
		return "; its last lines:\n" + last
	}
	return "; it wrote nothing"
}

// readFrom reads until the end of the pipe. When the read deadline strikes,
// the program has exited: then it takes what is left, and leaves a pipe that a
// child holds open.
func (o *output) readFrom(pipe *os.File) {
	defer o.close()
	buf := make([]byte, 32<<10)
	for {
		n, err := pipe.Read(buf)
		o.write(buf[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return
		}
	}
	end := time.Now().Add(lingerWait)
	for left := pipeLimit; left > 0; {
		idle := min(idleWait, max(time.Millisecond, time.Until(end)))
		if pipe.SetReadDeadline(time.Now().Add(idle)) != nil {
			return
		}
		n, err := pipe.Read(buf)
		o.write(buf[:n])
		left -= n
		if err != nil {
			return
		}
	}
}
