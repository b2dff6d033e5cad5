package look

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/audit"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/evidence"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

func (a commands) auditCommand() *cobra.Command {
	return a.Group("audit", "Prove the record", a.auditVerifyCommand(), a.auditExportCommand())
}

func (a commands) auditVerifyCommand() *cobra.Command {
	var anchor, public string
	cmd := &cobra.Command{
		Use:   "verify [RUN|FILE]",
		Short: "Recompute the hash chain of one run, of all, or of an export",
		Long: "Recompute the hash chain of one run, or of all. Every row that was edited, removed or\n" +
			"moved is named, and so is evidence that was changed; exit 1 if there is one.\n\n" +
			"A FILE is an export, which can be verified where the journal is not: each line that\n" +
			"was changed, removed or moved is named, and whether the end is there and who signed.\n" +
			"With --anchor, an earlier export, the newest events that it names have to be there\n" +
			"still: that shows where the end of a record was cut.",
		Example: "  runbook audit verify\n  runbook audit verify --anchor september.jsonl\n" +
			"  runbook audit verify october.jsonl --public-key audit.pub --anchor september.jsonl",
		ValidArgsFunction: a.CompleteRun,
		Args:              app.Between(0, "RUN|FILE"),
		RunE: func(cmd *cobra.Command, argv []string) error {
			earlier, err := openAnchor(anchor, public)
			if err != nil {
				return err
			}
			if len(argv) == 1 && isExport(argv[0]) {
				return a.verifyFile(argv[0], public, anchor, earlier)
			}
			if public != "" && anchor == "" {
				return app.Usagef("--public-key is for exports: name one, or an earlier one with --anchor")
			}
			return a.verifyJournal(cmd.Context(), argv, anchor, earlier)
		},
	}
	f := cmd.Flags()
	f.StringVar(&anchor, "anchor", "", "an earlier export, `FILE`: what it names has to be there still")
	f.StringVar(&public, "public-key", "", "the `FILE` of the public key by which exports have to be signed")
	return cmd
}

// verifyJournal checks the journal itself.
func (a commands) verifyJournal(ctx context.Context, argv []string, anchor string, earlier *audit.File) error {
	db, err := a.ReadDB(ctx)
	if err != nil {
		return err
	}
	defer a.CloseDB(db)
	id := ""
	if len(argv) == 1 {
		run, err := a.Find(ctx, db, argv[0])
		if err != nil {
			return err
		}
		id = run.ID
	}
	report, err := db.Verify(ctx, id)
	if err != nil {
		return err
	}
	lines := make([]faultLine, 0, len(report.Faults))
	texts := make([]string, 0, len(report.Faults))
	for _, f := range report.Faults {
		lines = append(lines, faultLine{Type: "fault", Run: f.Run, Seq: f.Seq, What: f.What})
		texts = append(texts, f.String())
	}
	shown, err := shownIn(ctx, db, id)
	if err != nil && len(texts) == 0 { // a record that was changed need not be readable
		return err
	}
	wrong, said := a.evidenced(evidence.Of(db.Path()), shown)
	lines, texts = append(lines, wrong...), append(texts, said...)
	if earlier != nil {
		gone, err := db.Gone(ctx)
		if err != nil {
			return err
		}
		held, err := earlier.Anchored(chains{ctx, db, gone})
		if err != nil {
			return err
		}
		for _, f := range held.Faults {
			lines, texts = append(lines, faultLine{Type: "fault", What: f.What}), append(texts, f.String())
		}
		a.anchored(anchor, earlier, held)
	}
	return a.verified(lines, texts, report.Runs, report.Events)
}

// chains lets an earlier export be held against the journal.
type chains struct {
	ctx  context.Context
	db   *journal.DB
	gone map[string]journal.Deleted
}

// Hash implements audit.Chains.
func (c chains) Hash(run string, seq int64) (string, bool, error) {
	hash, err := c.db.HashAt(c.ctx, run, seq)
	return hash, true, err
}

// Gone implements audit.Chains.
func (c chains) Gone(run string) (journal.Deleted, bool) {
	d, ok := c.gone[run]
	return d, ok
}

// verified prints what a verification has come to.
func (a commands) verified(faults []faultLine, texts []string, runs, events int) error {
	if a.Flags.JSON {
		a.JSONHead("audit verify")
		for _, f := range faults {
			a.JSONLine(f)
		}
		a.JSONLine(auditLine{"audit", runs, events, len(faults)})
	} else {
		for _, text := range texts {
			a.Result("%s %s\n", a.OutStyle.Red("✗"), view.Clean(text))
		}
		a.Result("%s checked: %s\n", app.Counted(events, "event")+" of "+app.Counted(runs, "run"),
			map[bool]string{true: a.OutStyle.Green("intact"), false: a.OutStyle.Red(app.Counted(len(faults), "fault"))}[len(faults) == 0])
	}
	if len(faults) > 0 {
		return app.ExitWith(app.ExitFailed)
	}
	return nil
}
