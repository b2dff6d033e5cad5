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
	"sync"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
)

// app is one invocation of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	flags          globalFlags
	style          view.Style // of standard error
	outStyle       view.Style // of standard output
	terminal       bool       // standard error is one: somebody is there
	moves          bool       // it can redraw a line
	stopping       chan struct{}

	jsonMu    sync.Mutex // makes lines whole
	jsonBegun bool
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
	a.moves = a.terminal && os.Getenv("TERM") != "dumb"
	a.outStyle, _ = styleOf(stdout)
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(context.Background())
	return a.exit(cmd, err)
}

// root assembles the commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "runbook",
		Short: "Carry out operations runbooks that survive their runner",
		Long: "Runbook carries out operations runbooks written in Lua. Every effect is recorded\n" +
			"before and after it happens, so that a run can be stopped, killed and resumed.\n\n" +
			"RUN is any unique beginning of a run's id, or \"latest\".",
		Example: "  runbook check blue-green.lua\n  runbook run blue-green.lua --param version=v1.2.0\n" +
			"  runbook resume latest\n  runbook show latest",
		Version:       Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          subcommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate(versionText() + "\n")
	// A command that only holds others is not one to run.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	f := root.PersistentFlags()
	f.StringVar(&a.flags.db, "db", "", "the journal's `FILE` (see: runbook help files)")
	f.StringVar(&a.flags.config, "config", "", "the configuration `FILE` (see: runbook help files)")
	f.StringVarP(&a.flags.env, "env", "e", "", "the configuration's `ENVIRONMENT`")
	f.BoolVar(&a.flags.json, "json", false, "print JSON lines on standard output")
	f.BoolP("help", "h", false, "print help")
	root.Flags().BoolP("version", "v", false, "print the version")
	completeFlag(root, "env", a.environments)
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(&cobra.Group{ID: "run", Title: "Carry out:"}, &cobra.Group{ID: "decide", Title: "Decide:"},
		&cobra.Group{ID: "rehearse", Title: "Rehearse:"}, &cobra.Group{ID: "look", Title: "Look:"}, &cobra.Group{ID: "more", Title: "More:"})
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("run", a.runCommand(), a.resumeCommand(), a.rollbackCommand(), a.forkCommand(), a.cancelCommand())
	add("decide", a.answerCommand(false), a.answerCommand(true), a.resolveCommand())
	add("rehearse", a.simulateCommand(), a.exploreCommand(), a.testCommand(), a.diffCommand())
	add("look", a.listCommand(), a.showCommand(), a.logCommand(), a.replayCommand(), a.checkCommand(), a.auditCommand())
	add("more", a.pluginsCommand(), a.runbooksCommand(), a.labCommand(), a.versionCommand())
	root.AddCommand(a.pluginCommand())
	root.AddCommand(topics()...)
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	return root
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

// result prints to standard output.
func (a *app) result(format string, args ...any) { _, _ = fmt.Fprintf(a.stdout, format, args...) }

// note prints to standard error; on a terminal long lines are wrapped.
func (a *app) note(format string, args ...any) {
	_, _ = io.WriteString(a.stderr, view.Wrap(a.style, fmt.Sprintf(format, args...)))
}

// exit prints a command's error and returns the exit code that it stands for.
func (a *app) exit(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	var done exitError
	if errors.As(err, &done) {
		return done.code // all is said
	}
	code, hint := codeOf(err), a.hintFor(err)
	if a.flags.json {
		a.jsonHead(strings.TrimPrefix(cmd.CommandPath(), "runbook "))
		a.jsonLine(errorLine{"error", err.Error(), hint, code})
	}
	a.note("%s %s\n", a.style.Red("runbook:"), indented(view.Clean(err.Error())))
	if hint != "" {
		a.note("  %s\n", indented(hint))
	}
	return code
}

// indented sets the lines after the first off.
func indented(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if i > 0 && line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}
