package app

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// searched bounds how many runs, from the newest on, are looked at for one of
// this folder.
const searched = 200

// Find returns the run that a word of the command line stands for: a beginning
// of its id; "latest", which is the newest run that was started in this folder,
// or if there is none, the newest of all; or "latest:NAME", the same among the
// runs of one runbook. Where latest is a run of another folder, it is said.
func (a *App) Find(ctx context.Context, db *journal.DB, word string) (journal.Run, error) {
	head, name, named := strings.Cut(strings.TrimSpace(word), ":")
	if head = strings.ToLower(head); head != "latest" && head != "last" {
		run, err := db.Find(ctx, word)
		return run, told(ctx, db, word, err)
	}
	newest, err := db.Find(ctx, "latest")
	if err != nil {
		return journal.Run{}, err
	}
	name = strings.TrimSuffix(name, ".lua")
	if named && name == "" {
		return journal.Run{}, Usagef("latest: names no runbook; say latest:NAME")
	}
	runs, err := db.Runs(ctx, journal.Filter{Name: name, Limit: searched})
	if err != nil {
		return journal.Run{}, err
	}
	if len(runs) == 0 {
		if !named {
			return newest, nil
		}
		return journal.Run{}, Advised(Usagef("there is no run of a runbook called %s", view.Line(name)),
			view.Advice{}.With("see which runs there are with:", a.OnRuns("list")))
	}
	here, err := os.Getwd()
	if err != nil {
		return runs[0], nil
	}
	elsewhere := ""
	for i, run := range runs {
		pin, err := PinnedBy(ctx, db, run)
		if err != nil || pin == nil || sameFolder(pin.Dir, here) { // an older program pinned nothing
			return run, nil
		}
		if i == 0 {
			elsewhere = pin.Dir
		}
	}
	a.Note("%s is run %s of %s, which was started in %s: none was started here\n", view.Line(word), journal.Short(runs[0].ID),
		view.Line(runs[0].Name), view.Line(elsewhere))
	return runs[0], nil
}

// fewest characters of an id that name a run which is not there any more.
const fewest = 8

// told says of a run that is not there that it was deleted, if it was, and what is
// left of it.
func told(ctx context.Context, db *journal.DB, word string, err error) error {
	word = strings.ToLower(strings.TrimSpace(word))
	if missing := (*journal.NotFoundError)(nil); !errors.As(err, &missing) || len(word) < fewest {
		return err
	}
	gone, errGone := db.Gone(ctx)
	if errGone != nil {
		return err
	}
	for id, left := range gone {
		if strings.HasPrefix(id, word) {
			return Usagef("run %s (%s) was deleted at %s; the journal knows its newest event alone, %d, by its SHA-256 %.16s…: "+
				"what happened in it stands in exports that were made before (runbook report %[1]s --export FILE)", journal.Short(id), view.Line(left.Name),
				left.At.Local().Format("2006-01-02 15:04"), left.HeadSeq, left.Head)
		}
	}
	return err
}

// sameFolder reports whether two paths lead to one folder.
func sameFolder(one, other string) bool {
	if one == other {
		return true
	}
	a, errA := os.Stat(one)
	b, errB := os.Stat(other)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
