// Package operate holds the commands that carry runs out and decide about them.
package operate

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
)

// commands are those of one invocation.
type commands struct{ *app.App }

// RunCommands start runs, go on with them and end them.
func RunCommands(a *app.App) []*cobra.Command {
	c := commands{a}
	return []*cobra.Command{c.runCommand(), c.resumeCommand(), c.rollbackCommand(), c.forkCommand(), c.cancelCommand()}
}

// DecideCommands say what only a person can say.
func DecideCommands(a *app.App) []*cobra.Command {
	c := commands{a}
	return []*cobra.Command{c.answerCommand(false), c.answerCommand(true), c.checkOffCommand(), c.chooseCommand(), c.resolveCommand()}
}
