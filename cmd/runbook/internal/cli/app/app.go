// Package app is one invocation of the program: what its commands share.
//
// It holds the streams and how they are printed to, the flags of every command,
// exit codes and errors, the JSON stream, and what commands open: the journal,
// scripts, the configuration's plugins. The commands themselves stand in the
// packages beside it.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
)

// App is one invocation of the program.
type App struct {
	Stdin io.Reader
	// Stdout and Stderr are screens: they escape what is no text.
	Stdout, Stderr io.Writer
	Flags          Flags
	Style          view.Style    // of standard error
	OutStyle       view.Style    // of standard output
	Terminal       bool          // standard error is one: somebody is there
	Moves          bool          // it can redraw a line
	Stopping       chan struct{} // closed by the first Ctrl-C

	program   string     // what it is called by, in commands
	exact     io.Writer  // standard output as it is, for JSON
	jsonMu    sync.Mutex // makes lines whole
	jsonBegun bool
	parts     Parts // beside the standard ones
}

// Flags are accepted by every command.
type Flags struct {
	DB     string
	Config string
	Env    string
	JSON   bool
}

// New makes an invocation that prints to the two.
func New(stdin io.Reader, stdout, stderr io.Writer) *App {
	a := &App{Stdin: stdin, program: programName(), exact: stdout, Stopping: make(chan struct{})}
	a.Style, a.Terminal = styleOf(stderr)
	a.Moves = a.Terminal && os.Getenv("TERM") != "dumb"
	a.OutStyle, _ = styleOf(stdout)
	a.Stdout, a.Stderr = view.NewScreen(stdout, a.OutStyle, false), view.NewScreen(stderr, a.Style, a.Moves)
	return a
}

// styleOf tells how to print to w, and whether w is a terminal.
func styleOf(w io.Writer) (view.Style, bool) {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return view.Style{}, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	if c, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && c > 0 {
		width = c
	}
	noColor := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	return view.Style{Color: !noColor, Width: width}, true
}

// Columns is how wide help is printed: as the terminal is, or 80.
func (a *App) Columns() int {
	if a.OutStyle.Width > 0 {
		return a.OutStyle.Width
	}
	return 80
}

// Result prints to standard output.
func (a *App) Result(format string, args ...any) { _, _ = fmt.Fprintf(a.Stdout, format, args...) }

// Exact writes to standard output as it is: what programs read.
func (a *App) Exact(data []byte) error {
	_, err := a.exact.Write(data)
	return err
}

// Note prints to standard error; on a terminal long lines are wrapped.
func (a *App) Note(format string, args ...any) {
	_, _ = io.WriteString(a.Stderr, view.Wrap(a.Style, fmt.Sprintf(format, args...)))
}

// maxFailedRollbacks is how many failed rollbacks are printed at the end of a run.
// A loop may register thousands; the lines above and the record have all of them.
const maxFailedRollbacks = 20

// NoteFailedRollbacks prints why rollbacks failed.
func (a *App) NoteFailedRollbacks(failed []error) {
	for _, err := range failed[:min(len(failed), maxFailedRollbacks)] {
		a.Note("%s %s\n", a.Style.Red("rollback failed:"), Indented(view.Clean(err.Error())))
	}
	if more := len(failed) - maxFailedRollbacks; more > 0 {
		a.Note("  and %d more\n", more)
	}
}

// Exit prints a command's error and returns the exit code that it stands for.
func (a *App) Exit(cmd *cobra.Command, err error) int {
	if err == nil {
		return ExitOK
	}
	var done ExitError
	if errors.As(err, &done) {
		return done.code // all is said
	}
	code, hint := CodeOf(err), a.Hint(err)
	if a.Flags.JSON {
		a.JSONHead(strings.TrimPrefix(cmd.CommandPath(), "runbook "))
		a.JSONLine(errorLine{"error", err.Error(), hint.String(), code})
	}
	a.Note("%s %s\n", a.Style.Red("runbook:"), Indented(view.Clean(err.Error())))
	for _, line := range hint.Lines(a.Style) {
		_, _ = fmt.Fprintf(a.Stderr, "  %s\n", line)
	}
	return code
}

// Advise prints what to do now, on standard error.
func (a *App) Advise(what view.Advice) {
	for _, line := range what.Lines(a.Style) {
		_, _ = fmt.Fprintln(a.Stderr, line)
	}
}

// Indented sets the lines after the first off.
func Indented(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if i > 0 && line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}

// UntilInterrupted ends a context at Ctrl-C.
func (a *App) UntilInterrupted(ctx context.Context) (context.Context, func()) {
	return signal.NotifyContext(ctx, os.Interrupt)
}
