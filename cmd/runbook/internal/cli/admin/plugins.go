package admin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/host"
)

func (a commands) pluginsCommand() *cobra.Command {
	return a.Group("plugins", "List and verify backends", &cobra.Command{
		Use:   "list",
		Short: "List the backends that can be configured",
		Args:  app.Exactly(),
		RunE:  func(*cobra.Command, []string) error { return a.listPlugins() },
	}, &cobra.Command{
		Use:   "verify",
		Short: "Start every configured backend and ask whether its system answers",
		Long: "Verify files and digests of external plugins, then start every backend of the\n" +
			"environment, hold its ops against the contract, ask it for the health of its system,\n" +
			"and for what it misses there: series of the metrics, say, that gates hold. Exit 1 if\n" +
			"one of them fails; what is missing fails nothing.",
		Args: app.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verifyPlugins(cmd) },
	})
}

func (a commands) listPlugins() error {
	cfg, err := config.Open(a.Flags.Config, ".")
	if err != nil {
		return err
	}
	found, err := host.Discover(cfg.Dirs)
	if err != nil {
		return err
	}
	if a.Flags.JSON {
		a.JSONHead("plugins list")
	}
	rows := [][]string{{"BACKEND", "MODULE", "FROM", "WHAT"}}
	for _, name := range a.Builtins() {
		b, _ := a.Builtin(name)
		d := b.Describe()
		ops := namesOf(d.Ops)
		rows = append(rows, []string{d.Name, d.Module, "built in", strings.TrimSuffix(d.Doc, ".") + a.partly(d.Module, ops)})
		if a.Flags.JSON {
			a.JSONLine(backendLine{Type: "backend", Name: d.Name, Module: d.Module, Ops: ops, Builtin: true, Doc: d.Doc})
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
		if a.Flags.JSON {
			a.JSONLine(backendLine{Type: "backend", Name: f.Name, Path: f.Path, SHA256: f.SHA256, State: what})
		}
	}
	if !a.Flags.JSON {
		view.Table(a.Stdout, a.OutStyle, rows)
	}
	return nil
}

func (a commands) verifyPlugins(cmd *cobra.Command) error {
	ctx := cmd.Context()
	cfg, err := config.Open(a.Flags.Config, ".")
	if err != nil {
		return err
	}
	env, err := cfg.Environment(a.Flags.Env)
	if err != nil {
		return err
	}
	found, err := host.Discover(cfg.Dirs)
	if err != nil {
		return err
	}
	if a.Flags.JSON {
		a.JSONHead("plugins verify")
	}
	bad := 0
	say := func(subject, problem, good string) {
		if a.Flags.JSON {
			a.JSONLine(verifiedLine{"verified", subject, problem == "", problem})
		} else if problem != "" {
			a.Result("%s %s: %s\n", a.OutStyle.Red("✗"), subject, view.Clean(app.Indented(problem)))
		} else {
			a.Result("%s %s: %s\n", a.OutStyle.Green("✓"), subject, good)
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
	on := app.SurroundingsOf(cfg, env)
	for _, module := range env.Modules() {
		names, err := env.Backends(module)
		if err != nil {
			return err
		}
		given, err := a.Given(ctx, on, module)
		if err != nil {
			say(module, strings.TrimSpace(err.Error()), "")
		}
		for _, name := range names {
			c, good := config.Carrier{Module: module, Backend: name}, "answers"
			if ops := given[name]; ops != nil {
				good = "answers, is asked for " + strings.Join(ops, ", ")
			}
			problem := ""
			missing, err := a.answers(ctx, on, c)
			if err != nil {
				problem = strings.TrimSpace(err.Error())
				var e *effect.Error
				if errors.As(err, &e) && e.Hint != "" && !strings.Contains(problem, e.Hint) {
					problem += "\nhint: " + e.Hint
				}
			}
			say(c.String(), problem, good)
			for _, line := range missing {
				if a.Flags.JSON {
					a.JSONLine(missingLine{"missing", c.String(), line})
				} else {
					a.Result("  %s %s\n", a.OutStyle.Yellow("!"), view.Clean(app.Indented(line)))
				}
			}
		}
	}
	if bad > 0 {
		return app.ExitWith(app.ExitFailed)
	}
	if len(found)+len(env.Modules()) == 0 {
		a.Note("nothing is configured: there is no runbook.yaml\n")
	}
	return nil
}

// partly says what of its standard module a backend carries, if that is not all.
func (a commands) partly(module string, ops []string) string {
	m, _ := a.Contract(module)
	lacks := slices.DeleteFunc(namesOf(m.Ops), func(op string) bool { return slices.Contains(ops, op) })
	switch {
	case len(lacks) == 0:
		return ""
	case len(lacks) < len(ops):
		return "; without " + strings.Join(lacks, ", ")
	}
	return "; only " + strings.Join(ops, ", ")
}

func namesOf(ops []effect.Op) []string {
	names := make([]string, len(ops))
	for i := range ops {
		names[i] = ops[i].Name
	}
	return names
}

// answers starts a backend, asks for the health of its system and for what is
// missing there.
func (a commands) answers(ctx context.Context, on *app.Surroundings, c config.Carrier) ([]string, error) {
	h, err := a.HostOf(ctx, on, c, func(line string) { a.Note("%s\n", line) })
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if err := h.Open(ctx); err != nil {
		return nil, err
	}
	found := h.Examine(ctx)[0]
	return found.Missing, found.Err
}
