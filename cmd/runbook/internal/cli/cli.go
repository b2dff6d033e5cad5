// Package cli is the command line of runbook: flags, wiring, and what is
// printed. One file holds one command.
//
// Results go to standard output, everything that accompanies them to standard
// error; with --json standard output is a stream of JSON lines whose first
// line carries a version. Nothing is asked that a flag cannot say.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// app is one invocation of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	flags          globalFlags
	style          view.Style // of standard error
	outStyle       view.Style // of standard output
	terminal       bool       // standard error is one
	stopping       chan struct{}
}

// globalFlags are accepted by every command.
type globalFlags struct {
	db     string
	config string
	env    string
	json   bool
}

// Main runs one command and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, stopping: make(chan struct{})}
	a.style, a.terminal = styleOf(stderr)
	a.outStyle, _ = styleOf(stdout)
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.exit(root.ExecuteContext(context.Background()))
}

// root assembles the commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "runbook",
		Short: "Carry out operations runbooks that survive their runner",
		Long: "Runbook carries out operations runbooks written in Lua. Every effect is recorded\n" +
			"before and after it happens, so that a run can be stopped, killed and resumed.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := root.PersistentFlags()
	f.StringVar(&a.flags.db, "db", "", "journal `FILE` (default $RUNBOOK_DB, or runbook/runbook.db in $XDG_STATE_HOME)")
	f.StringVar(&a.flags.config, "config", "", "configuration `FILE` (default $RUNBOOK_CONFIG, or runbook.yaml here or above)")
	f.StringVarP(&a.flags.env, "env", "e", "", "`ENVIRONMENT` of the configuration (default \"default\")")
	f.BoolVar(&a.flags.json, "json", false, "print JSON lines on standard output")
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(&cobra.Group{ID: "run", Title: "Carry out:"}, &cobra.Group{ID: "decide", Title: "Decide:"},
		&cobra.Group{ID: "look", Title: "Look:"}, &cobra.Group{ID: "more", Title: "More:"})
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("run", a.runCommand(), a.resumeCommand(), a.rollbackCommand(), a.forkCommand(), a.cancelCommand())
	add("decide", a.answerCommand(false), a.answerCommand(true), a.resolveCommand())
	add("look", a.listCommand(), a.showCommand(), a.logCommand(), a.replayCommand(), a.checkCommand(), a.auditCommand())
	add("more", a.pluginsCommand(), a.labCommand(), a.versionCommand())
	root.AddCommand(a.pluginCommand())
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	return root
}

// usageError is a mistake in the command line; it exits 2.
type usageError struct{ err error }

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// flagError adds what was probably meant to a wrong flag.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "unknown flag: --"); ok {
		var known []string
		cmd.Flags().VisitAll(func(f flag) { known = append(known, f.Name) })
		if hint := effect.DidYouMean(name, known); hint != "" {
			text += ": " + strings.Replace(strings.Replace(hint, `"`, "--", 1), `"`, "", 1)
		}
	}
	return usagef("%s\nsee `%s --help`", text, cmd.CommandPath())
}

// args wraps a check of positional arguments so that a mistake is a usage
// error which shows how to write it.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, got []string) error {
		if err := check(cmd, got); err != nil {
			return usagef("%v\nusage: %s", err, cmd.UseLine())
		}
		return nil
	}
}

// styleOf tells how to print to w.
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
	return view.Style{Color: !noColor, Width: width}, os.Getenv("TERM") != "dumb"
}

// result prints to standard output.
func (a *app) result(format string, args ...any) { _, _ = fmt.Fprintf(a.stdout, format, args...) }

// note prints to standard error.
func (a *app) note(format string, args ...any) { _, _ = fmt.Fprintf(a.stderr, format, args...) }

// exit prints an error and returns the exit code that it stands for.
func (a *app) exit(err error) int {
	if err == nil {
		return exitOK
	}
	var done exitError
	if errors.As(err, &done) {
		return done.code // all is said
	}
	if a.flags.json {
		a.jsonLine(map[string]any{"type": "error", "error": err.Error(), "exit": codeOf(err)})
	}
	a.note("%s %s\n", a.style.Red("runbook:"), a.indented(view.Clean(err.Error())))
	if hint := hintFor(err); hint != "" {
		a.note("%s\n", a.indented(hint))
	}
	return codeOf(err)
}

// indented sets the lines after the first off.
func (a *app) indented(text string) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
