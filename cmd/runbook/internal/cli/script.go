package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// readScript reads a runbook and says how it finds the files beside it. A name
// that is no file may be that of a shipped runbook.
func readScript(path string) (script.Source, script.Loader, error) {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			if slices.Contains(shipped(), path) {
				return shippedScript(path)
			}
			return script.Source{}, nil, usagef("there is no file %s%s", path, besides(path))
		}
		return script.Source{}, nil, usageError{err}
	}
	if info.IsDir() {
		return script.Source{}, nil, usagef("%s is a directory; name the runbook in it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return script.Source{}, nil, usageError{err}
	}
	return script.Source{Name: filepath.Base(path), Text: text}, interpreter.Dir(filepath.Dir(path)), nil
}

// besides names the runbook that was probably meant.
func besides(path string) string {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.lua"))
	if err != nil {
		return ""
	}
	if hint := effect.DidYouMean(path, append(found, shipped()...)); hint != "" {
		return "; " + hint
	}
	return ""
}
