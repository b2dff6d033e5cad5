package app

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// CompleteRun offers the newest runs to a shell.
func (a *App) CompleteRun(cmd *cobra.Command, got []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(got) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	db, err := a.ReadDB(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer a.CloseDB(db)
	runs, err := db.Runs(cmd.Context(), journal.Filter{Limit: 20})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	words := []string{"latest"}
	for _, r := range runs {
		words = append(words, journal.Short(r.ID)+"\t"+r.Name+", "+Standing(r, ReadyIn(cmd.Context(), db, r)))
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// CompleteScript offers Lua files to a shell.
func CompleteScript(_ *cobra.Command, got []string, _ string) ([]string, cobra.ShellCompDirective) {
	return []string{"lua"}, cobra.ShellCompDirectiveFilterFileExt
}

// CompleteFlag offers a flag's values to a shell.
func CompleteFlag(cmd *cobra.Command, name string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil { // there is no such flag: completion goes without
		return
	}
}
