// Package cli is the command line of runbook. It assembles the commands; below
// it, app is what they share, operate carries runs out and decides about them,
// look reads them, rehearsal tries runbooks in simulated worlds, and admin is
// the rest. One file holds one command.
//
// Results go to standard output, everything that accompanies them to standard
// error; with --json standard output is a stream of JSON lines whose first
// line carries a version. Nothing is asked that a flag cannot say.
package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/admin"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/look"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/operate"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/rehearsal"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
)

// Main runs one command of a program that has more parts than the standard ones,
// and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, more app.Parts) int {
	a := app.New(stdin, stdout, stderr)
	if err := a.Add(more); err != nil {
		return a.Exit(nil, err)
	}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	cmd, err := root.ExecuteContextC(context.Background())
	return a.Exit(cmd, err)
}

// reflow fills the help of all commands to a width.
func reflow(c *cobra.Command, width int) {
	c.Long = view.Reflow(c.Long, width)
	for _, sub := range c.Commands() {
		reflow(sub, width)
	}
}

// Lines describes all lines that --json prints.
func Lines() []app.Line {
	var lines []app.Line
	for _, of := range [][]app.Line{app.Lines(), operate.Lines(), look.Lines(), rehearsal.Lines(), admin.Lines()} {
		lines = append(lines, of...)
	}
	return lines
}

// newRoot assembles the commands.
func newRoot(a *app.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "runbook",
		Short: "Carry out operations runbooks that survive their runner",
		Long: "Runbook carries out operations runbooks written in Lua. Every effect is recorded\n" +
			"before and after it happens, so that a run can be stopped, killed and resumed.\n\n" +
			"RUN is any unique beginning of a run's id; or \"latest\", the newest run that was\n" +
			"started in this folder (of all, if none was); or \"latest:NAME\", the newest of one\n" +
			"runbook.",
		Example: "  runbook check blue-green.lua\n  runbook run blue-green.lua --param version=v1.2.0\n" +
			"  runbook resume latest\n  runbook show latest",
		Version:       app.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          a.Subcommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate(app.VersionText() + "\n")
	// A command that only holds others is not one to run.
	root.SetUsageTemplate(strings.NewReplacer("{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}",
		".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", a.Columns())).Replace(root.UsageTemplate()))
	f := root.PersistentFlags()
	f.StringVar(&a.Flags.DB, "db", "", "the journal's `FILE` (see: runbook help files)")
	f.StringVar(&a.Flags.Config, "config", "", "the configuration `FILE` (see: runbook help files)")
	f.StringVarP(&a.Flags.Env, "env", "e", "", "the configuration's `ENVIRONMENT`")
	f.BoolVar(&a.Flags.JSON, "json", false, "print JSON lines on standard output (see: runbook help json)")
	f.VarP(a.Format(), "output", "o", "print as `FORMAT`: text, or json, which is --json")
	app.CompleteFlag(root, "output", func() []string { return []string{"text", "json"} })
	f.BoolP("help", "h", false, "print help")
	root.Flags().BoolP("version", "v", false, "print the version")
	app.CompleteFlag(root, "env", a.Environments)
	root.SetFlagErrorFunc(a.FlagError)
	root.AddGroup(&cobra.Group{ID: "run", Title: "Carry out:"}, &cobra.Group{ID: "decide", Title: "Decide:"},
		&cobra.Group{ID: "rehearse", Title: "Rehearse:"}, &cobra.Group{ID: "look", Title: "Look:"}, &cobra.Group{ID: "more", Title: "More:"})
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("run", operate.RunCommands(a)...)
	add("decide", operate.DecideCommands(a)...)
	add("rehearse", rehearsal.Commands(a)...)
	add("look", look.Commands(a)...)
	add("more", admin.Commands(a, Lines())...)
	root.AddCommand(admin.PluginCommand(a))
	root.AddCommand(topics(Lines())...)
	reflow(root, a.Columns())
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	strict(a, root)
	return root
}

// strict makes errors of words that the commands which Cobra brings do not know: it
// prints something else in their place.
func strict(a *app.App, root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "completion":
			c.Args, c.RunE = a.Subcommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		case "help":
			known := c.Run
			c.RunE = func(cmd *cobra.Command, words []string) error {
				if at, left, err := root.Find(words); err != nil {
					return err
				} else if len(left) > 0 && at.HasSubCommands() {
					return a.Subcommand(at, left)
				}
				known(cmd, words)
				return nil
			}
		}
	}
}
