package cli

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
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

// recordedScript returns the script that a run has recorded.
func recordedScript(ctx context.Context, db *journal.DB, run journal.Run) (script.Source, recorded, error) {
	sources, err := db.Sources(ctx, run.ID)
	files := recorded{}
	for _, s := range sources {
		files[s.Name] = s.Text
	}
	return script.Source{Name: run.Script, Text: files[run.Script]}, files, err
}

// requires returns the modules that a run's recorded script requires.
func requires(ctx context.Context, db *journal.DB, run journal.Run) ([]string, error) {
	main, files, err := recordedScript(ctx, db, run)
	if err != nil {
		return nil, err
	}
	return script.Requires(main, files), nil
}
