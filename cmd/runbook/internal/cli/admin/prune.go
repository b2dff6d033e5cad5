package admin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/audit"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/evidence"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// pruning is one prune.
type pruning struct {
	commands
	older time.Duration
	keep  bool
	out   string
	dry   bool
}

func (a commands) pruneCommand() *cobra.Command {
	p := &pruning{commands: a}
	cmd := &cobra.Command{
		Use:   "prune --older-than AGE",
		Short: "Delete old runs that have ended",
		Long: "Delete runs that have ended and in which nothing has happened for a time; one that is\n" +
			"carried, waits or was interrupted is never among them. Of each its id and the hash of\n" +
			"its newest event stay in the journal. With --keep-audit they are written to a file\n" +
			"first, as `runbook audit export` does, which is verified before anything is deleted;\n" +
			"`runbook report RUN --export FILE` tells them from it. Evidence that no other run names\n" +
			"goes with them: with --keep-audit into a folder beside that file. --dry-run says what\n" +
			"would be deleted.",
		Example: "  runbook prune --older-than 400d --dry-run\n  runbook prune --older-than 400d --keep-audit",
		Args:    app.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.older <= 0 {
				return app.Usagef("--older-than is needed: say how old what may go is, 400d")
			}
			return p.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	app.DurationVar(f, &p.older, "older-than", "runs in which nothing has happened for this `AGE`: 400d")
	f.BoolVar(&p.keep, "keep-audit", false, "write them to a file first, and their evidence beside it")
	f.StringVar(&p.out, "out", "", "that `FILE`, which may not be there yet (default: beside the journal)")
	f.BoolVar(&p.dry, "dry-run", false, "say what would be deleted; delete nothing")
	return cmd
}

func (p *pruning) run(ctx context.Context) error {
	now := time.Now()
	db, err := p.ExistingDB(ctx, journal.Options{ReadOnly: p.dry})
	if err != nil {
		return err
	}
	defer p.CloseDB(db)
	old, err := oldRuns(ctx, db, now.Add(-p.older))
	if err != nil {
		return err
	}
	if p.Flags.JSON {
		p.JSONHead("prune")
	}
	heads := make([]journal.Head, 0, len(old))
	for _, r := range old {
		head, err := db.Head(ctx, r.ID)
		if err != nil {
			return err
		}
		heads = append(heads, head)
	}
	kept := ""
	if p.keep && len(old) > 0 && !p.dry {
		if kept, err = p.keepAudit(ctx, db, heads, now); err != nil {
			return fmt.Errorf("nothing was deleted: %w", err)
		}
	}
	gone := 0
	for i, r := range old {
		left := ""
		if !p.dry {
			err := db.DeleteAt(ctx, heads[i])
			switch active := (*journal.ActiveError)(nil); {
			case errors.As(err, &active) || errors.Is(err, journal.ErrMoved):
				left = "was taken up meanwhile, and stays"
			case err != nil:
				return fmt.Errorf("%d of %d runs were deleted: %w", gone, len(old), err)
			}
		}
		if left == "" {
			gone++
		}
		p.tell(r, left)
	}
	p.sum(gone, kept)
	if p.dry || gone == 0 {
		return nil
	}
	return sweepEvidence(ctx, db, now)
}

// sweepEvidence removes the files that only runs named which were deleted.
func sweepEvidence(ctx context.Context, db *journal.DB, now time.Time) error {
	runs, err := db.Runs(ctx, journal.Filter{})
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, r := range runs {
		events, err := db.Events(ctx, r.ID, 0)
		if err != nil {
			return err
		}
		for i := range events {
			named[events[i].Body.Hash] = true // of other things too: no harm
		}
	}
	_, err = evidence.Of(db.Path()).Sweep(named, now.Add(-underWay))
	return err
}

// underWay is how long an answer may take from its evidence to its record.
const underWay = time.Hour

// oldRuns are those that have ended and rest since before a time.
func oldRuns(ctx context.Context, db *journal.DB, before time.Time) ([]journal.Run, error) {
	ended := []effect.Status{effect.StatusSucceeded, effect.StatusFailed, effect.StatusRolledBack, effect.StatusRollbackFailed, effect.StatusCanceled}
	runs, err := db.Runs(ctx, journal.Filter{Statuses: ended, Before: before})
	if err != nil {
		return nil, err
	}
	var old []journal.Run
	for _, r := range runs {
		if r.Status.Terminal() && !app.Carried(r) {
			old = append(old, r)
		}
	}
	return old, nil
}

// keepAudit writes the events of runs to a file, and verifies it.
func (p *pruning) keepAudit(ctx context.Context, db *journal.DB, heads []journal.Head, now time.Time) (string, error) {
	path := p.out
	if path == "" {
		path = db.Path() + ".pruned-" + now.UTC().Format("20060102T150405Z") + ".jsonl"
	}
	w := journal.Window{From: time.Unix(0, 0), To: now}
	for _, h := range heads {
		w.Runs = append(w.Runs, h.Run)
	}
	if _, err := p.ExportAuditTo(ctx, db, w, path, now); err != nil {
		return "", err
	}
	in, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("verify what was kept: %w", err)
	}
	f, err := audit.Verify(in, nil)
	if err = errors.Join(err, in.Close()); err != nil {
		return "", fmt.Errorf("verify what was kept: %w", err)
	}
	if len(f.Faults) > 0 {
		return "", fmt.Errorf("the record of what is to be kept is not as it was written: %s; `audit verify` names all of it", f.Faults[0])
	}
	for _, h := range heads {
		if hash, _, _ := f.Hash(h.Run, h.Seq); hash != h.Hash || !f.Holds(h.Run, h.Seq) {
			return "", fmt.Errorf("%s does not hold run %s up to its newest event", path, h.Run)
		}
		if err := keepEvidence(ctx, db, h.Run, evidence.Of(path)); err != nil {
			return "", err
		}
	}
	return path, nil
}

// keepEvidence copies the files that a run's answers name. What is not there any more
// is not missed: the journal has lost it before.
func keepEvidence(ctx context.Context, db *journal.DB, run string, to evidence.Store) error {
	events, err := db.Events(ctx, run, 0)
	if err != nil {
		return err
	}
	for _, shown := range evidence.ShownIn(run, events) {
		f, err := os.Open(evidence.Of(db.Path()).Path(shown.SHA256))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("keep the evidence: %w", err)
		}
		sum, _, err := to.Keep(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		if sum != shown.SHA256 {
			return fmt.Errorf("the evidence %s is not what run %s was shown: its SHA-256 is %s now", f.Name(), run, sum)
		}
	}
	return nil
}

// prunedLine is a run that was deleted, or would be.
type prunedLine struct {
	Type   string        `json:"type"`
	Run    string        `json:"run" doc:"its id"`
	Name   string        `json:"name" doc:"of the runbook"`
	Status effect.Status `json:"status"`
	Last   time.Time     `json:"last" doc:"when something happened in it last"`
	Stays  string        `json:"stays,omitempty" doc:"why it was not deleted after all"`
	Dry    bool          `json:"dry" doc:"nothing was deleted"`
}

// prunedAllLine ends the stream.
type prunedAllLine struct {
	Type  string `json:"type"`
	Runs  int    `json:"runs" doc:"how many were deleted, or would be"`
	Dry   bool   `json:"dry" doc:"nothing was deleted"`
	Audit string `json:"audit,omitempty" doc:"the file that keeps them"`
}

func (p *pruning) tell(r journal.Run, stays string) {
	if p.Flags.JSON {
		p.JSONLine(prunedLine{"pruned", r.ID, r.Name, r.Status, r.Updated, stays, p.dry})
		return
	}
	line := fmt.Sprintf("%s  %s  %s, last on %s", journal.Short(r.ID), view.Line(r.Name), app.Standing(r, ""), r.Updated.Local().Format(time.DateOnly))
	if stays != "" {
		line += ": " + stays
	}
	p.Result("%s\n", line)
}

func (p *pruning) sum(gone int, kept string) {
	if p.Flags.JSON {
		p.JSONLine(prunedAllLine{"pruned-all", gone, p.dry, kept})
		return
	}
	what := app.Counted(gone, "run")
	switch {
	case p.dry && p.keep:
		p.Note("dry run: %s would be deleted, what they were kept in a file\n", what)
	case p.dry:
		p.Note("dry run: %s would be deleted\n", what)
	case kept != "":
		p.Note("%s deleted; what they were is in %s\n", what, view.Line(kept))
	default:
		p.Note("%s deleted\n", what)
	}
}
