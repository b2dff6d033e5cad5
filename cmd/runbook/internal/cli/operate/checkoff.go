package operate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/evidence"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

func (a commands) checkOffCommand() *cobra.Command {
	var failed, notApplicable bool
	var claim app.Claim
	var note, shown, place string
	cmd := &cobra.Command{
		Use:   "check-off RUN ITEM…",
		Short: "Answer items of a checklist",
		Long: "Answer items of a checklist, by their numbers. A run that waits goes on once each item\n" +
			"is answered; an item that has failed is an error to the script. An answer stands: it\n" +
			"cannot be taken back. Evidence is kept beside the journal; the record has its name and\n" +
			"its SHA-256, by which it is kept.",
		Example: "  runbook check-off latest 1 2 --note \"seen on the dashboard\"\n" +
			"  runbook check-off latest 3 --evidence load-test.txt\n" +
			"  runbook check-off latest 4 --failed --note \"the backup is of last week\"",
		Args:              app.Between(2, "RUN", "ITEM…"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			if failed && notApplicable {
				return app.Usagef("an item is either --failed or --not-applicable")
			}
			said := interpreter.Answer{Place: effect.Place(place), Reason: note, Outcome: interpreter.ItemDone}
			if failed {
				said.Outcome = interpreter.ItemFailed
			} else if notApplicable {
				said.Outcome = interpreter.ItemNotApplicable
			}
			var items []int
			for _, word := range argv[1:] {
				n, err := strconv.Atoi(word)
				if err != nil || n < 1 {
					return app.Usagef("%q is no number of an item; `runbook show %s` has them", word, view.Line(argv[0]))
				}
				items = append(items, n)
			}
			switch {
			case shown == app.StandardInput && claim.TokenFile == app.StandardInput:
				return app.Usagef("--evidence - and --token-file -: standard input is one of them; name a file for the other")
			case shown != "" && shown != app.StandardInput:
				if err := canBeShown(shown); err != nil {
					return err
				}
			}
			return a.answering(cmd, argv[0], claim, func(db *journal.DB, run journal.Run, who effect.Identity) error {
				said.Run, said.By, said.Via, said.Roles = run.ID, who.Name, who.Via, who.Roles
				if shown != "" {
					var err error
					if said.Evidence, err = a.kept(evidence.Of(db.Path()), shown); err != nil {
						return err
					}
				}
				for _, n := range items {
					said.Item = n
					q, err := a.Desk(db).Answer(cmd.Context(), said)
					if err != nil && !isAlready(err) {
						return err
					}
					a.checkedOff(q, said, run.ID, err == nil, app.Carried(run))
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&failed, "failed", false, "it is not as it has to be; needs --note")
	f.BoolVar(&notApplicable, "not-applicable", false, "it does not matter here; needs --note")
	f.StringVar(&note, "note", "", "`WHAT` was seen, for the record")
	f.StringVar(&shown, "evidence", "", "the `FILE` that shows it; - is standard input")
	claim.Add(f)
	f.StringVar(&place, "question", "", "which checklist, by its `PLACE`, if the run asks several things")
	return cmd
}

// checkedOff says what was recorded of an item.
func (a commands) checkedOff(q interpreter.Question, said interpreter.Answer, run string, changed, carried bool) {
	item := q.Items[said.Item-1].Text
	if a.Flags.JSON {
		a.JSONHead("check-off")
		a.JSONLine(decisionLine{Type: "answer", Run: run, Place: q.Place, Title: q.Title, Item: said.Item, By: said.By, Outcome: said.Outcome,
			Changed: changed, Carried: carried})
		return
	}
	before := ""
	if !changed {
		before = " before; nothing has changed"
	}
	what := map[string]string{interpreter.ItemDone: "done", interpreter.ItemFailed: "failed", interpreter.ItemNotApplicable: "not applicable"}[said.Outcome]
	a.Result("%d  %s: %s, says %s%s\n", said.Item, view.Line(item), what, view.Line(said.By), before)
}

// canBeShown reports whether a file is one that shows something.
func canBeShown(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return unreadable(err)
	case !info.Mode().IsRegular():
		return app.Usagef("--evidence %s: it is no file", view.Line(path))
	case info.Size() == 0:
		return app.Usagef("--evidence %s: the file is empty, and shows nothing", view.Line(path))
	}
	return nil
}

// unreadable is the error of evidence that cannot be read.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("read the evidence: %w; %s", err, app.ByInput("--evidence"))
	}
	return fmt.Errorf("read the evidence: %w", err)
}

// kept puts a file where evidence is kept, or what standard input holds.
func (a commands) kept(store evidence.Store, path string) (*interpreter.Evidence, error) {
	if path == app.StandardInput {
		in := bufio.NewReader(a.Stdin)
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			return nil, app.Usagef("--evidence -: standard input is empty, and shows nothing")
		}
		sum, size, err := store.Keep(in)
		return &interpreter.Evidence{File: "standard input", Size: size, SHA256: sum}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer func() { _ = f.Close() }()
	sum, size, err := store.Keep(f)
	if err != nil {
		return nil, err
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return &interpreter.Evidence{File: path, Size: size, SHA256: sum}, nil
}
