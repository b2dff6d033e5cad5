package admin

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/reference"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins"
)

// docsFlags say in which form the reference is wanted.
type docsFlags struct {
	markdown, luals, man string
	schema               bool
}

func (a commands) docsCommand() *cobra.Command {
	var f docsFlags
	cmd := &cobra.Command{
		Use:   "docs [NAME…]",
		Short: "Look up the language, a module, an op or a backend",
		Long: "Look up what a runbook or a configuration can say: a function of the language,\n" +
			"a module, an op, a backend, or an argument or key of one (tolerate, retry.any,\n" +
			"haproxy.pool). Without a name it lists what there is.\n\n" +
			"The same reference is written for editors and other readers: Markdown pages,\n" +
			"stubs for the Lua language server, man pages of the commands, and the JSON schema\n" +
			"of runbook.yaml. With --json it is one line an entry.",
		Example: "  runbook docs traffic.split\n  runbook docs haproxy\n  runbook docs retry\n  runbook docs --schema > runbook.schema.json",
		Args:    app.Between(0, "NAME…"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return a.reference(nil).Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, names []string) error { return a.docs(cmd, f, names) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.markdown, "markdown", "", "write the reference as Markdown pages into `DIR`")
	fl.StringVar(&f.luals, "luals", "", "write stubs for the Lua language server into `DIR`")
	fl.StringVar(&f.man, "man", "", "write man pages of the commands into `DIR`")
	fl.BoolVar(&f.schema, "schema", false, "print the JSON schema of runbook.yaml")
	return cmd
}

// reference gathers what there is to look up; more are modules that plugins
// bring.
func (a commands) reference(more []effect.Module) *reference.Reference {
	r := &reference.Reference{Language: script.Language(), Modules: append(a.Modules(), more...)}
	slices.SortStableFunc(r.Modules, func(a, b effect.Module) int { return strings.Compare(a.Name, b.Name) })
	for _, name := range a.Builtins() {
		if b, ok := a.Builtin(name); ok {
			r.Backends = append(r.Backends, b.Describe())
		}
	}
	for _, m := range more { // its plugin carries it, and nobody else
		r.Backends = append(r.Backends, plugins.Description{Name: m.Name, Module: m.Name, Doc: m.Doc, Ops: m.Ops})
	}
	return r
}

func (a commands) docs(cmd *cobra.Command, f docsFlags, names []string) error {
	forms := 0
	for _, set := range []bool{f.markdown != "", f.luals != "", f.man != "", f.schema, len(names) > 0} {
		if set {
			forms++
		}
	}
	if forms > 1 {
		return app.Usagef("a NAME, --markdown, --luals, --man and --schema are different things: give one of them")
	}
	r := a.reference(nil)
	switch {
	case f.markdown != "":
		pages := r.Markdown()
		pages["json.md"] = reference.Generated + app.LinesPage(a.lines)
		return a.writePages(f.markdown, pages)
	case f.luals != "":
		return a.writePages(f.luals, r.LuaLS())
	case f.man != "":
		return a.writePages(f.man, manPages(cmd.Root()))
	case f.schema && a.Flags.JSON:
		line := schemaLine{Type: "schema"}
		if err := json.Unmarshal(r.Schema(config.Version), &line.Schema); err != nil {
			return err
		}
		a.JSONHead("docs")
		a.JSONLine(line)
		return nil
	case f.schema:
		a.Result("%s", r.Schema(config.Version))
		return nil
	case len(names) == 0:
		if a.Flags.JSON {
			a.JSONHead("docs")
			for _, name := range r.Names() {
				for _, e := range r.Find(name) {
					a.JSONLine(r.JSON(e))
				}
			}
			return nil
		}
		r.Overview(a.Stdout, a.OutStyle)
		a.Note("more about one of them: runbook docs NAME\n")
		return nil
	}
	return a.lookUp(cmd, r, names)
}

// lookUp prints the entries of the names.
func (a commands) lookUp(cmd *cobra.Command, r *reference.Reference, names []string) error {
	var found []reference.Entry
	for _, name := range names {
		entries := r.Find(name)
		if entries == nil { // perhaps of a plugin that the configuration names
			module, _, _ := strings.Cut(name, ".")
			more, err := a.ForeignHere(cmd.Context(), []string{module})
			if err == nil && len(more) > 0 {
				r = a.reference(more)
				entries = r.Find(name)
			}
		}
		if entries == nil {
			hint := effect.DidYouMean(name, r.Near())
			switch command, _, err := cmd.Root().Find([]string{name}); {
			case err == nil && command.Name() == name && command.HasParent():
				hint = "of the command of that name tells: " + command.CommandPath() + " --help"
			case hint == "":
				hint = "without a name, all there is is listed"
			}
			return app.Usagef("there is nothing called %q; %s", view.Clean(name), hint)
		}
		found = append(found, entries...)
	}
	if a.Flags.JSON {
		a.JSONHead("docs")
	}
	for i, e := range found {
		if a.Flags.JSON {
			a.JSONLine(r.JSON(e))
			continue
		}
		if i > 0 {
			a.Result("\n")
		}
		r.Print(a.Stdout, a.OutStyle, e)
	}
	return nil
}

// writePages writes files into a directory; those that stand there already are
// written anew.
func (a commands) writePages(dir string, pages map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return app.Usage(err)
	}
	if a.Flags.JSON {
		a.JSONHead("docs")
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(pages[name]), 0o644); err != nil {
			return err
		}
		if a.Flags.JSON {
			a.JSONLine(writtenLine{"written", path})
		} else {
			a.Result("%s\n", path)
		}
	}
	return nil
}
