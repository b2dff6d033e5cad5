package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/plugins/host"
)

func (a *app) pluginsCommand() *cobra.Command {
	return group("plugins", "List and verify backends", &cobra.Command{
		Use:   "list",
		Short: "List the backends that can be configured",
		Args:  exactly(),
		RunE:  func(*cobra.Command, []string) error { return a.listPlugins() },
	}, &cobra.Command{
		Use:   "verify",
		Short: "Start every configured backend and ask whether its system answers",
		Long: "Verify files and digests of external plugins, then start every backend of the\n" +
			"environment, hold its ops against the contract, and ask it for the health of its\n" +
			"system. Exit 1 if one of them fails.",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verifyPlugins(cmd) },
	})
}

func (a *app) listPlugins() error {
	cfg, err := config.Open(a.flags.config, ".")
	if err != nil {
		return err
	}
	found, err := host.Discover(cfg.Dirs)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.jsonHead("plugins list")
	}
	rows := [][]string{{"BACKEND", "MODULE", "FROM", "WHAT"}}
	for _, name := range builtins() {
		b, _ := builtin(name)
		d := b.Describe()
		rows = append(rows, []string{d.Name, d.Module, "built in", d.Doc})
		if a.flags.json {
			a.jsonLine(map[string]any{"type": "backend", "name": d.Name, "module": d.Module, "builtin": true, "doc": d.Doc})
		}
	}
	for _, f := range found {
		what := "sha256 " + f.SHA256
		switch pinned := cfg.SHA256[f.Name]; {
		case f.Problem != nil:
			what = "refused: " + f.Problem.Error()
		case pinned == "":
			what = "not pinned; sha256 " + f.SHA256
		case pinned != f.SHA256:
			what = "refused: its sha256 is " + f.SHA256 + ", pinned is " + pinned
		}
		rows = append(rows, []string{f.Name, "?", f.Path, what})
		if a.flags.json {
			a.jsonLine(map[string]any{"type": "backend", "name": f.Name, "builtin": false, "path": f.Path, "sha256": f.SHA256, "state": what})
		}
	}
	if !a.flags.json {
		view.Table(a.stdout, a.outStyle, rows)
	}
	return nil
}

func (a *app) verifyPlugins(cmd *cobra.Command) error {
	ctx := cmd.Context()
	cfg, err := config.Open(a.flags.config, ".")
	if err != nil {
		return err
	}
	env, err := cfg.Environment(a.flags.env)
	if err != nil {
		return err
	}
	found, err := host.Discover(cfg.Dirs)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.jsonHead("plugins verify")
	}
	bad := 0
	say := func(subject, problem, good string) {
		if a.flags.json {
			a.jsonLine(map[string]any{"type": "verified", "subject": subject, "ok": problem == "", "problem": problem})
		} else if problem != "" {
			a.result("%s %s: %s\n", a.outStyle.Red("✗"), subject, view.Clean(indented(problem)))
		} else {
			a.result("%s %s: %s\n", a.outStyle.Green("✓"), subject, good)
		}
		if problem != "" {
			bad++
		}
	}
	for _, f := range found {
		switch pinned := cfg.SHA256[f.Name]; {
		case f.Problem != nil:
			say("plugin "+f.Name, f.Problem.Error(), "")
		case pinned == "":
			say("plugin "+f.Name, "not pinned; if you trust it, add to "+cfg.Path+":\nplugins: { sha256: { "+f.Name+": "+f.SHA256+" } }", "")
		case pinned != f.SHA256:
			say("plugin "+f.Name, "its sha256 is "+f.SHA256+", pinned is "+pinned, "")
		default:
			say("plugin "+f.Name, "", "pinned")
		}
	}
	for _, module := range env.Modules() {
		name, err := env.Backend(module)
		if err != nil {
			return err
		}
		subject := module + " by " + name
		h, err := a.newHost(ctx, cfg, env, []string{module}, func(line string) { a.note("%s\n", line) })
		if err == nil {
			if err = h.Open(ctx); err == nil {
				err = h.Health(ctx)[module]
			}
			h.Close()
		}
		if err != nil {
			say(subject, strings.TrimSpace(err.Error()), "")
			continue
		}
		say(subject, "", "answers")
	}
	if bad > 0 {
		return exitError{exitFailed}
	}
	if len(found)+len(env.Modules()) == 0 {
		a.note("nothing is configured: there is no runbook.yaml\n")
	}
	return nil
}
