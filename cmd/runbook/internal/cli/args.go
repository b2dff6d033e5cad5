package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

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
		if near, ok := effect.Nearest(name, known); ok {
			text += "; did you mean --" + near + "?"
		}
	}
	return usagef("%s\nsee: %s --help", text, cmd.CommandPath())
}

// exactly wants one argument for each name.
func exactly(names ...string) cobra.PositionalArgs {
	return between(len(names), names...)
}

// between wants one argument for each name; those after the first few may be
// left out. A last name that ends with "…" takes any number.
func between(few int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, got []string) error {
		many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "…")
		switch {
		case len(got) < few:
			return usagef("%s is missing\nusage: %s", names[len(got)], cmd.UseLine())
		case len(got) > len(names) && !many:
			return usagef("%q is one argument too many\nusage: %s", got[len(names)], cmd.UseLine())
		}
		return nil
	}
}

// subcommand refuses a word that is no command below cmd.
func subcommand(cmd *cobra.Command, got []string) error {
	if len(got) == 0 {
		return nil
	}
	var known []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			known = append(known, c.Name())
		}
	}
	return usagef("there is no command %q; %s\nsee: %s --help", strings.TrimPrefix(cmd.CommandPath()+" "+got[0], "runbook "), knownOr(got[0], known), cmd.CommandPath())
}

// knownOr guesses what a wrong word was meant to be, or lists what there is.
func knownOr(word string, known []string) string {
	if hint := effect.DidYouMean(word, known); hint != "" {
		return hint
	}
	return "known: " + strings.Join(known, ", ")
}

// group makes a command that only holds others.
func group(use, short string, cmds ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(cmds...)
	return cmd
}
