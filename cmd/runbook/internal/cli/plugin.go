package cli

import (
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/exec"
	"github.com/q-ecosystem/runbook/plugins/haproxy"
	"github.com/q-ecosystem/runbook/plugins/probe"
	"github.com/q-ecosystem/runbook/plugins/prometheus"
	"github.com/q-ecosystem/runbook/plugins/shoutrrr"
)

// builtin returns a backend that is part of this program. It still runs in a
// process of its own: `runbook plugin NAME`.
func builtin(name string) (plugins.Backend, bool) {
	switch name {
	case "exec":
		return exec.New(), true
	case "haproxy":
		return haproxy.New(), true
	case "probe":
		return probe.New(), true
	case "prometheus":
		return prometheus.New(), true
	case "shoutrrr":
		return shoutrrr.New(), true
	}
	return nil, false
}

// builtins lists the names that builtin knows, in order.
func builtins() []string {
	names := []string{"exec", "haproxy", "probe", "prometheus", "shoutrrr"}
	sort.Strings(names)
	return names
}

// pluginCommand serves a built-in backend. It is for the host, not for people.
func (a *app) pluginCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "plugin NAME",
		Short:  "Serve a built-in backend to the engine",
		Hidden: true,
		Args:   exactly("NAME"),
		RunE: func(_ *cobra.Command, argv []string) error {
			b, ok := builtin(argv[0])
			if !ok {
				return usagef("there is no built-in backend %q; built in: %s", argv[0], strings.Join(builtins(), ", "))
			}
			plugins.Serve(b)
			return nil
		},
	}
}
