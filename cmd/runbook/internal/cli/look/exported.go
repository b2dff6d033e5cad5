package look

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/audit"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// export is a file of `audit export` or `prune --keep-audit` that a command reads in
// place of the journal.
type export struct {
	path   string
	public string // the file of the key by which it has to be signed, or ""
}

// exportedRun is a run of an export, put into a journal of its own.
type exportedRun struct {
	db   *journal.DB
	run  journal.Run
	file *audit.File
	dir  string
}

// close removes the journal that was made.
func (e *exportedRun) close(a commands) {
	a.CloseDB(e.db)
	if err := os.RemoveAll(e.dir); err != nil {
		a.Note("runbook: %v\n", err)
	}
}

// open finds a run in the export. The file has to be as it was written, and to hold the
// run from its first event to its newest.
func (x export) open(ctx context.Context, word string) (*exportedRun, error) {
	var there []journal.Excerpt
	f, err := readExport(x.path, x.public, func(e journal.Excerpt) *journal.Copy {
		there = append(there, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(f.Faults) > 0 {
		return nil, fmt.Errorf("%s is not as it was written: %s; `audit verify` names all of it", x.path, f.Faults[0])
	}
	if !f.Whole() {
		return nil, app.Usagef("%s is of version %d, which has no scripts: `audit verify` proves its events, and nothing can be told from them alone", x.path, f.Version)
	}
	found, err := x.find(there, word)
	if err != nil {
		return nil, err
	}
	if newest := f.Heads[found.Run].Seq; found.First > 1 || found.Last < newest {
		return nil, app.Usagef("%s holds events %d to %d of run %s, which had %d: this takes all of them; export from an earlier time (--from), up to now",
			x.path, found.First, found.Last, journal.Short(found.Run), newest)
	}
	copied := &journal.Copy{}
	if _, err := readExport(x.path, x.public, func(e journal.Excerpt) *journal.Copy {
		if e.Run == found.Run {
			return copied
		}
		return nil
	}); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "runbook-export-")
	if err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	out, err := imported(ctx, filepath.Join(dir, "runbook.db"), *copied)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the export %s: %w", x.path, err), os.RemoveAll(dir))
	}
	out.file, out.dir = f, dir
	return out, nil
}

// imported makes a journal of one run.
func imported(ctx context.Context, path string, c journal.Copy) (*exportedRun, error) {
	db, err := journal.Open(ctx, path, journal.Options{})
	if err != nil {
		return nil, err
	}
	err = db.Import(ctx, c)
	var run journal.Run
	if err == nil {
		run, err = db.Find(ctx, c.Excerpt.Run)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &exportedRun{db: db, run: run}, nil
}

// find returns the run of the file that a word stands for: a beginning of its id, or
// "latest" or "latest:NAME", the one that began last.
func (x export) find(there []journal.Excerpt, word string) (journal.Excerpt, error) {
	head, name, _ := strings.Cut(strings.TrimSpace(word), ":")
	head, name = strings.ToLower(head), strings.TrimSuffix(name, ".lua")
	latest := head == "latest" || head == "last"
	var fit []journal.Excerpt
	for _, e := range there {
		switch {
		case latest && (name == "" || e.Name == name):
			fit = []journal.Excerpt{e}
		case !latest && head != "" && name == "" && strings.HasPrefix(strings.ToLower(e.Run), head):
			fit = append(fit, e)
		}
	}
	if len(fit) == 1 {
		return fit[0], nil
	}
	told, what := fit, "several runs"
	if len(fit) == 0 {
		told, what = there, "no run"
	}
	const most = 10
	var names []string
	for _, e := range told[:min(len(told), most)] {
		names = append(names, journal.Short(e.Run)+" "+view.Line(e.Name))
	}
	if len(told) > most {
		names = append(names, "…")
	}
	return journal.Excerpt{}, app.Usagef("%s holds %s that %s stands for; of those in it: %s", x.path, what, view.Line(word), strings.Join(names, ", "))
}

// told says of an export what it is, for those who read what was made from it.
func (e *exportedRun) told(path string) string {
	text := fmt.Sprintf("%s, an export that runbook %s wrote at %s, ", filepath.Base(path), e.file.Program, e.file.Made.UTC().Format("2006-01-02 15:04:05 UTC"))
	if e.file.Signer == nil {
		return view.Line(text + "not signed")
	}
	return view.Line(text + "signed by the key " + audit.Fingerprint(e.file.Signer))
}
