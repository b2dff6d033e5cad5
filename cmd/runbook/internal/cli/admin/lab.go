package admin

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/examples/lab"
)

// labCommand hands everything on: the lab reads its own command line.
func (a commands) labCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "lab [COMMAND]",
		ValidArgs:          lab.Verbs(),
		Short:              "Start real servers on loopback to try runbooks on",
		Long:               lab.Usage,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, argv []string) error {
			// Its servers end with it also when its terminal is closed.
			ctx, release := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			defer release()
			if code := lab.Main(ctx, argv, a.Stdout, a.Stderr); code != 0 {
				return app.ExitWith(code)
			}
			return nil
		},
	}
}
