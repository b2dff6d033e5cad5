package cli

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// completeRun offers the newest runs to a shell.
func (a *app) completeRun(cmd *cobra.Command, got []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(got) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	db, err := a.readDB(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer a.closeDB(db)
	runs, err := db.Runs(cmd.Context(), journal.Filter{Limit: 20})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	words := []string{"latest"}
	for _, r := range runs {
		words = append(words, shortID(r.ID)+"\t"+r.Name+", "+standing(r))
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// completeScript offers Lua files to a shell.
func completeScript(_ *cobra.Command, got []string, _ string) ([]string, cobra.ShellCompDirective) {
	return []string{"lua"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeFlag offers a flag's values to a shell.
func completeFlag(cmd *cobra.Command, name string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil { // there is no such flag: completion goes without
		return
	}
}
