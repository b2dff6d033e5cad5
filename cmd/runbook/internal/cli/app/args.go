package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// UsageError is a mistake in the command line; it exits 2.
type UsageError struct{ err error }

// Error says what is wrong with it.
func (u UsageError) Error() string { return u.err.Error() }

// Unwrap returns what it was made of.
func (u UsageError) Unwrap() error { return u.err }

// Usage makes an error a mistake in the command line.
func Usage(err error) error { return UsageError{err} }

// Usagef makes such a mistake.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// otherTools is what flags are called in tools that the hands of users know
// (Helm, Terraform, Ansible), and here.
var otherTools = map[string]string{"set": "param", "var": "param", "extra-vars": "param", "var-file": "params", "values": "params", "check": "dry-run"}

// FlagError adds what was probably meant to a wrong flag.
func (a *App) FlagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "unknown flag: --"); ok {
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		near, ok := effect.Nearest(name, known)
		if elsewhere := otherTools[name]; slices.Contains(known, elsewhere) {
			near, ok = elsewhere, true
		}
		if ok {
			text += "; did you mean --" + near + "?"
		}
	}
	return a.see(cmd, Usagef("%s", text))
}

// see adds to an error which help to read.
func (a *App) see(cmd *cobra.Command, err error) error {
	return Advised(err, view.Advice{}.With("see:", a.command(strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), "runbook"), " "), []string{"--help"})))
}

// Exactly wants one argument for each name.
func Exactly(names ...string) cobra.PositionalArgs {
	return Between(len(names), names...)
}

// Between wants one argument for each name; those after the first few may be
// left out. A last name that ends with "…" takes any number.
func Between(few int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, got []string) error {
		many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "…")
		switch {
		case len(got) < few:
			return Usagef("%s is missing\nusage: %s", names[len(got)], cmd.UseLine())
		case len(got) > len(names) && !many:
			more := got[len(names)]
			if cmd.Flags().Lookup("param") != nil && strings.Contains(more, "=") {
				return Usagef("%q is one argument too many; a parameter is given as --param NAME=VALUE\nusage: %s", more, cmd.UseLine())
			}
			return Usagef("%q is one argument too many\nusage: %s", more, cmd.UseLine())
		}
		return nil
	}
}

// Subcommand refuses a word that is no command below cmd.
func (a *App) Subcommand(cmd *cobra.Command, got []string) error {
	if len(got) == 0 {
		return nil
	}
	var known []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			known = append(known, c.Name())
		}
	}
	return a.see(cmd, Usagef("there is no command %q; %s", strings.TrimPrefix(cmd.CommandPath()+" "+got[0], "runbook "), KnownOr(got[0], known)))
}

// KnownOr guesses what a wrong word was meant to be, or lists what there is.
func KnownOr(word string, known []string) string {
	if hint := effect.DidYouMean(word, known); hint != "" {
		return hint
	}
	return "known: " + strings.Join(known, ", ")
}

// Group makes a command that only holds others.
func (a *App) Group(use, short string, cmds ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: a.Subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(cmds...)
	return cmd
}
