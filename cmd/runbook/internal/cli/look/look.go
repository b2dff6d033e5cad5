// Package look holds the commands that read runs and scripts, and change
// nothing.
package look

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
)

// commands are those of one invocation.
type commands struct{ *app.App }

// Commands returns them.
func Commands(a *app.App) []*cobra.Command {
	c := commands{a}
	return []*cobra.Command{c.listCommand(), c.showCommand(), c.logCommand(), c.replayCommand(), c.checkCommand(), c.auditCommand(), c.reportCommand()}
}
