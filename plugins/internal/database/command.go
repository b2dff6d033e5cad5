package database

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Command is a program that a backend runs: one of the team, or a tool of the
// database.
type Command struct {
	Argv []string
	Env  []string
	Dir  string
	User *User // nil for the backend's own
	// Line gets each line that the program says, if it is not nil.
	Line  func(line string)
	Input io.Reader // what it reads; nil for nothing
	// Output gets what the program says on its standard output, if it is not nil;
	// the lines are what it says beside that.
	Output io.Writer
}

// tail is how many lines of what a program said an error shows.
const tail = 8

// waitDelay is how long a program that was killed may take to end, and what holds
// its output to let go of it.
const waitDelay = 5 * time.Second

// Run runs a program to its end and returns its last lines. When ctx ends it is
// killed, with what it started, and the error is the cause of ctx, whatever the
// program has done by then. It dies with this process.
//
// A program that takes another user's rights, as sudo does, can neither be killed
// nor does it die with this process. Run leaves it to itself once waitDelay and a
// second are over: it may do yet what it was to do, and what it says is dropped.
func (c *Command) Run(ctx context.Context) (said string, err error) {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = c.Env, c.Dir, Attributes(c.User, syscall.SIGKILL)
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = waitDelay
	lines := &lines{each: c.Line}
	heard, output := &gate{to: lines}, &gate{to: c.Output}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Input, heard, heard
	if c.Output != nil {
		cmd.Stdout = output
	}
	done := make(chan error, 1)
	go func() {
		// The kernel ends the program with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err != nil {
			done <- notStarted{err}
			return
		}
		done <- cmd.Wait()
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(waitDelay + time.Second):
		}
	}
	heard.shut()
	output.shut()
	lines.end()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return strings.Join(lines.last, "\n"), err
}

// notStarted is the error of a program that did not begin.
type notStarted struct{ error }

func (e notStarted) Unwrap() error { return e.error }

// Started reports whether a program whose Run ended with an error had begun: it
// may have done anything then.
func Started(err error) bool {
	var not notStarted
	return !errors.As(err, &not)
}

// Ended reports whether an error of Run says that the program was started and
// ended by itself, and not by a signal.
func Ended(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Exited()
}

// gate passes on what a program says until it is shut, and drops what follows.
type gate struct {
	mu sync.Mutex
	to io.Writer // nil once it is shut
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.to == nil {
		return len(p), nil
	}
	return g.to.Write(p)
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.to = nil
}

// lines cuts what a program says into lines and keeps the last ones.
type lines struct {
	each func(line string)
	rest string
	last []string
}

func (l *lines) Write(p []byte) (int, error) {
	text := l.rest + string(p)
	for {
		i := strings.IndexAny(text, "\r\n")
		if i < 0 {
			break
		}
		l.take(text[:i])
		text = text[i+1:]
	}
	if len(text) > 64<<10 {
		l.take(text)
		text = ""
	}
	l.rest = text
	return len(p), nil
}

func (l *lines) end() {
	l.take(l.rest)
	l.rest = ""
}

func (l *lines) take(line string) {
	if line = strings.TrimRight(strings.ToValidUTF8(line, "\uFFFD"), " \t"); line == "" {
		return
	}
	if l.each != nil {
		l.each(line)
	}
	if l.last = append(l.last, line); len(l.last) > tail {
		l.last = l.last[1:]
	}
}

// Environment returns a small environment: the path, a home and a language in
// which programs say what their manuals print, and what is added.
func Environment(added ...string) []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, added...)
}
