package admin

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/plugins"
)

// PluginCommand serves a built-in backend. It is for the host, not for people.
func PluginCommand(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:    "plugin NAME",
		Short:  "Serve a built-in backend to the engine",
		Hidden: true,
		Args:   app.Exactly("NAME"),
		RunE: func(_ *cobra.Command, argv []string) error {
			b, ok := a.Builtin(argv[0])
			if !ok {
				return app.Usagef("there is no built-in backend %q; built in: %s", argv[0], strings.Join(a.Builtins(), ", "))
			}
			plugins.Serve(b)
			return nil
		},
	}
}
