package admin

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
)

func (a commands) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  app.Exactly(),
		RunE: func(*cobra.Command, []string) error {
			if a.Flags.JSON {
				a.JSONHead("version")
				a.JSONLine(versionLine{"version", app.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH})
				return nil
			}
			a.Result("%s\n", app.VersionText())
			return nil
		},
	}
}
