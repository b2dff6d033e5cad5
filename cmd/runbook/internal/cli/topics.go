package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
)

// exitCodes prints the table of them.
func exitCodes() string {
	var b strings.Builder
	b.WriteString("The exit code says what became of the run, or of the command. That of a resume of a\n" +
		"run that has ended is the code of that end.\n")
	for _, e := range app.Exits() {
		line := view.Wrap(view.Style{Width: 72}, e.Word+": "+e.Text)
		fmt.Fprintf(&b, "\n%5d  %s", e.Code, strings.ReplaceAll(line, "\n  ", "\n       "))
	}
	return b.String()
}

// jsonLines prints what lines there are; their members are in the reference.
func jsonLines(lines []app.Line) string {
	var b strings.Builder
	b.WriteString(app.StreamText() + "\n\nThe types of the lines, and which commands print them; docs/reference/json.md has\ntheir members:\n")
	for _, l := range lines {
		from := strings.Join(l.From, ", ")
		if from == "" {
			from = "all"
		}
		text := view.Wrap(view.Style{Width: 62}, strings.TrimSuffix(l.Doc, ".")+" ("+from+")")
		fmt.Fprintf(&b, "\n  %-14s  %s", l.Type, strings.ReplaceAll(text, "\n  ", "\n"+strings.Repeat(" ", 18)))
	}
	return b.String()
}

// topics are pages of help that belong to no command.
func topics(lines []app.Line) []*cobra.Command {
	return []*cobra.Command{{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long:  exitCodes(),
	}, {
		Use:   "json",
		Short: "What --json prints",
		Long:  jsonLines(lines),
	}, {
		Use:   "files",
		Short: "Files and environment variables",
		Long: `The journal keeps the record of all runs. It is the file that --db names, or
$RUNBOOK_DB, or runbook/runbook.db in $XDG_STATE_HOME (~/.local/state). Beside
it stands its key, FILE.key: keep both.

The configuration says which backend carries each module in which environment.
It is the file that --config names, or $RUNBOOK_CONFIG, or runbook.yaml in the
working directory or the nearest one above it, or runbook/runbook.yaml in
$XDG_CONFIG_HOME (~/.config). Without --env the environment is "default", or
the only one there is; a resumed run stays in its own.

  RUNBOOK_DB       the journal
  RUNBOOK_CONFIG   the configuration
  RUNBOOK_TOKEN    the token of who answers
  RUNBOOK_LAB      the lab's directory, for runbook lab
  NO_COLOR         no colours, if it is set to anything
  TERM=dumb        no colours, and no line that is drawn again
  COLUMNS          the width of the terminal, instead of what it says itself`,
	}}
}
