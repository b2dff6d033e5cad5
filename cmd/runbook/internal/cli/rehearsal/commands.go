// Package rehearsal holds the commands that try runbooks in simulated worlds,
// and what dry runs and backtests share with them.
package rehearsal

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
)

// commands are those of one invocation.
type commands struct{ *app.App }

// Commands returns them.
func Commands(a *app.App) []*cobra.Command {
	c := commands{a}
	return []*cobra.Command{c.simulateCommand(), c.exploreCommand(), c.testCommand(), c.diffCommand()}
}
