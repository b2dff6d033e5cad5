// Package admin holds the commands that belong to no run: the reference, the
// backends, what is shipped with the program, and the program itself.
package admin

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
)

// commands are those of one invocation.
type commands struct {
	*app.App
	lines []app.Line // that --json prints, for the reference
}

// Commands returns them, without those that are hidden. lines are all that --json
// prints.
func Commands(a *app.App, lines []app.Line) []*cobra.Command {
	c := commands{a, lines}
	return []*cobra.Command{c.initCommand(), c.importCommand(), c.docsCommand(), c.pluginsCommand(), c.runbooksCommand(), c.labCommand(), c.pruneCommand(), c.tokenCommand(), c.versionCommand()}
}
