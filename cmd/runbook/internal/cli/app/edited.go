package app

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// ScriptFile is where a script is that the command line names; "" if it is a
// shipped one.
func ScriptFile(path string) string {
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	file, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	return file
}

// ScriptOf is where the script of a run was when it started; "" if it was a
// shipped one, or if that is not recorded.
func ScriptOf(ctx context.Context, db *journal.DB, run journal.Run) (string, error) {
	pin, err := PinnedBy(ctx, db, run)
	if err != nil || pin == nil {
		return "", err
	}
	return pin.Script, nil
}

// TellEdited says which of a run's files are other ones today than those that
// it goes on with: whoever has mended a script expects it to count. A file that
// is gone or cannot be read says nothing: the run has its own.
func (a *App) TellEdited(ctx context.Context, db *journal.DB, run journal.Run, file string) {
	if file == "" {
		return
	}
	sources, err := db.Sources(ctx, run.ID)
	if err != nil { // the walk will say why
		return
	}
	var edited []string
	for _, s := range sources {
		path := filepath.Join(filepath.Dir(file), filepath.FromSlash(s.Name))
		if s.Name == run.Script {
			path = file
		}
		if !strings.HasSuffix(path, ".lua") {
			continue
		}
		text, err := script.ReadFile(path)
		if err == nil && !bytes.Equal(text, s.Text) {
			edited = append(edited, view.Clean(path))
		}
	}
	if len(edited) == 0 {
		return
	}
	a.Note("edited since, and not what run %s goes on with: %s\n", journal.Short(run.ID), strings.Join(edited, ", "))
	a.Advise(view.Advice{}.With("to go on with the new one, stop this, then:", a.OnRun("resume", run.ID, "--with", file)))
}
