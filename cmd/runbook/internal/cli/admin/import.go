package admin

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/importer"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
)

// maxImport bounds the text of a runbook, in bytes.
const maxImport = 4 << 20

func (a commands) importCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "import FILE.md",
		Short: "Make a first script of a runbook in Markdown",
		Long: "Make a first script of a runbook in Markdown: headings become steps, checkboxes a\n" +
			"checklist, fenced shell exec.run, waits sleep, thresholds a table for health.watch. The\n" +
			"class of each command is left for you to state, and `runbook check` names each that is\n" +
			"not. What was not understood stands as a comment, and is listed.",
		Example: "  runbook import deploy.md --out deploy.lua\n  runbook check deploy.lua",
		Args:    app.Exactly("FILE.md"),
		RunE: func(_ *cobra.Command, argv []string) error {
			info, err := os.Stat(argv[0])
			switch {
			case err != nil:
				return app.Usagef("there is no text to import: %w", err)
			case !info.Mode().IsRegular() || info.Size() > maxImport:
				return app.Usagef("%s is no file of at most %d MiB", view.Line(argv[0]), maxImport>>20)
			}
			text, err := os.ReadFile(argv[0])
			if err != nil {
				return fmt.Errorf("read the text: %w", err)
			}
			r := importer.Import(argv[0], text)
			if out != "" {
				if err := writeNew(out, []byte(r.Script)); errors.Is(err, os.ErrExist) {
					return app.Usagef("%s is there already; name another file, or remove it", view.Line(out))
				} else if err != nil {
					return fmt.Errorf("write the script: %w", err)
				}
			}
			a.imported(r, out)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write the script to `FILE`, which may not be there yet (default: standard output)")
	return cmd
}

// leftLine is a part of a text that was not understood.
type leftLine struct {
	Type string `json:"type"`
	importer.Left
}

// importedLine is what an import has come to.
type importedLine struct {
	Type       string `json:"type"`
	Name       string `json:"name" doc:"of the runbook"`
	Path       string `json:"path,omitempty" doc:"of the script, with --out"`
	Script     string `json:"script,omitempty" doc:"the script, without --out"`
	Steps      int    `json:"steps"`
	Checklists int    `json:"checklists"`
	Items      int    `json:"items" doc:"of the checklists"`
	Commands   int    `json:"commands" doc:"whose class is to be stated"`
	Sleeps     int    `json:"sleeps"`
	Thresholds int    `json:"thresholds"`
	Left       int    `json:"left" doc:"how many parts were not understood"`
}

func (a commands) imported(r *importer.Result, out string) {
	if a.Flags.JSON {
		a.JSONHead("import")
		for _, l := range r.Left {
			a.JSONLine(leftLine{"left", l})
		}
		line := importedLine{"imported", r.Name, out, "", r.Steps, r.Checklists, r.Items, r.Commands, r.Sleeps, r.Thresholds, len(r.Left)}
		if out == "" {
			line.Script = r.Script
		}
		a.JSONLine(line)
		return
	}
	if out == "" {
		a.Result("%s", r.Script)
	}
	for _, l := range r.Left {
		a.Note("%s line %d, %s: %s\n", a.Style.Yellow("?"), l.Line, l.What, view.Line(l.Text))
	}
	a.Note("%s, %s with %s, %s, %s, %s; %s not understood (they stand there as comments)\n", app.Counted(r.Steps, "step"), app.Counted(r.Checklists, "checklist"),
		app.Counted(r.Items, "item"), app.Counted(r.Commands, "command"), app.Counted(r.Sleeps, "sleep"), app.Counted(r.Thresholds, "threshold"), app.Counted(len(r.Left), "part"))
	if r.Commands > 0 && out != "" {
		a.Advise(view.Advice{}.With("state the class of each command, then:", a.OnScript("check", out, false)))
	}
}
