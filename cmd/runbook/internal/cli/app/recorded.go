package app

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

// recorded finds the files that a run has recorded.
type recorded map[string][]byte

// Load finds one.
func (r recorded) Load(module string) (script.Source, error) {
	name := script.FileName(module)
	text, ok := r[name]
	if !ok {
		return script.Source{}, fmt.Errorf("require %q: %w", module, fs.ErrNotExist)
	}
	return script.Source{Name: name, Text: text}, nil
}

// RecordedScript returns the script that a run has recorded.
func RecordedScript(ctx context.Context, db *journal.DB, run journal.Run) (script.Source, recorded, error) {
	sources, err := db.Sources(ctx, run.ID)
	files := recorded{}
	for _, s := range sources {
		files[s.Name] = s.Text
	}
	return script.Source{Name: run.Script, Text: files[run.Script]}, files, err
}

// Requires returns the modules that a run's recorded script requires.
func Requires(ctx context.Context, db *journal.DB, run journal.Run) ([]string, error) {
	main, files, err := RecordedScript(ctx, db, run)
	if err != nil {
		return nil, err
	}
	return check.Requires(main, files), nil
}
