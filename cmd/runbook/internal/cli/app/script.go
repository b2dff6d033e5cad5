package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// ReadScript reads a runbook and says how it finds the files beside it. A name
// that is no file may be that of a shipped runbook.
func ReadScript(path string) (script.Source, script.Loader, error) {
	text, err := script.ReadFile(path)
	if err != nil {
		// By sudo one may stand in a folder that cannot be looked into.
		hidden := errors.Is(err, os.ErrPermission)
		if (hidden || errors.Is(err, os.ErrNotExist)) && slices.Contains(Shipped(), path) {
			return ShippedScript(path)
		}
		if errors.Is(err, os.ErrNotExist) {
			return script.Source{}, nil, Usagef("there is no file %s%s", path, Besides(path))
		}
		return script.Source{}, nil, Usage(err)
	}
	return script.Source{Name: filepath.Base(path), Text: text}, interpreter.Dir(filepath.Dir(path)), nil
}

// Besides names the runbook that was probably meant.
func Besides(path string) string {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.lua"))
	if err != nil {
		return ""
	}
	if hint := effect.DidYouMean(path, append(found, Shipped()...)); hint != "" {
		return "; " + hint
	}
	return ""
}
