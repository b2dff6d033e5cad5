package look

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

func (a commands) auditExportCommand() *cobra.Command {
	var from, to, file string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the events of a time into a file that proves itself",
		Long: "Write the events of a time as JSON lines, with what their hashes cover, and the files\n" +
			"that they brought, which are scripts, plans and the configuration: `runbook audit\n" +
			"verify FILE` checks them where the journal is not, `runbook report --export FILE` tells\n" +
			"a run from them that is whole in the file. The newest event of every run is in\n" +
			"it, so that a later export, or the journal, can be held against this one (--anchor).\n" +
			"Where the configuration names a key (audit: { key: file:audit.pem }), it is signed.",
		Example: "  runbook audit export --from 2026-09-01 --to 2026-10-01 --out september.jsonl\n" +
			"  runbook audit export --from 30d > month.jsonl",
		Args: app.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			w := journal.Window{From: time.Unix(0, 0), To: now}
			if t, err := app.Moment("from", from, now); err != nil {
				return err
			} else if from != "" {
				w.From = t
			}
			if t, err := app.Moment("to", to, now); err != nil {
				return err
			} else if to != "" && t.Before(now) { // it vouches for no time that is still to come
				w.To = t
			}
			if w.From.After(now) {
				return app.Usagef("--from %s is still to come", w.From.Format(time.RFC3339))
			}
			if !w.From.Before(w.To) {
				return app.Usagef("--from %s is not before --to %s", w.From.Format(time.RFC3339), w.To.Format(time.RFC3339))
			}
			db, err := a.ReadDB(cmd.Context())
			if err != nil {
				return err
			}
			defer a.CloseDB(db)
			if file == "" || file == "-" {
				_, err = a.ExportAudit(cmd.Context(), db, w, a.ExactOut(), now)
				return err
			}
			sum, err := a.ExportAuditTo(cmd.Context(), db, w, file, now)
			if err != nil {
				return err
			}
			if a.Flags.JSON {
				a.JSONHead("audit export")
				a.JSONLine(exportedLine{"exported", file, sum.Runs, sum.Events, sum.Signed})
				return nil
			}
			signed := "not signed"
			if sum.Signed {
				signed = "signed"
			}
			a.Note("%s of %s are in %s, %s\n", app.Counted(sum.Events, "event"), app.Counted(sum.Runs, "run"), view.Line(file), signed)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "events from this `TIME` on: 30d (ago), 2026-09-01, RFC 3339 (default: the first)")
	f.StringVar(&to, "to", "", "events before this `TIME` (default, and at most: now)")
	f.StringVar(&file, "out", "", "write to `FILE`, which may not be there yet (default: standard output)")
	return cmd
}

// exportedLine is an export that was written to a file.
type exportedLine struct {
	Type   string `json:"type"`
	Path   string `json:"path"`
	Runs   int    `json:"runs" doc:"how many have events in it"`
	Events int    `json:"events" doc:"how many are in it"`
	Signed bool   `json:"signed"`
}
